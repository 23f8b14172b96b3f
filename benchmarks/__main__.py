"""What `make bench` runs: figures are ratios within one run, because machines differ and are noisy."""

import asyncio

from benchmarks import paths


def main() -> None:
    asyncio.run(paths.main())


if __name__ == "__main__":
    main()
