"""What `make bench` runs. Figures are ratios within one run, for machines are noisy."""

import asyncio

from benchmarks import daily, paths


def main() -> None:
    asyncio.run(paths.main())
    asyncio.run(daily.main())


if __name__ == "__main__":
    main()
