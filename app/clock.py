"""The one home of the clock; everything else is given the instant, or a clock to read it from."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251
