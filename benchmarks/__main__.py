"""What `make bench` runs. Figures are ratios within one run, for machines are noisy."""

import asyncio

from benchmarks import daily, days, execution, imports, overload, paths


def main() -> None:
    for benchmark in (paths, days, daily, imports, execution, overload):
        asyncio.run(benchmark.main())


if __name__ == "__main__":
    main()
