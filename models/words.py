"""How subjects and mails put numbers and dates, in English and UTC."""

from datetime import UTC, date, datetime


def licenses(count: int, kind: str | None) -> str:
    """`25 premium licenses`; without the kind where there are several."""
    named = f"{kind if kind == 'NFR' else kind.lower()} " if kind else ""
    return f"{count:,} {named}license{'' if count == 1 else 's'}"


def day(at: date | str) -> str:
    """`1 March 2027`; facts hold days and instants in ISO 8601."""
    if isinstance(at, str | datetime):
        at = _instant(at)
    return f"{at.day} {at:%B %Y}"


def minute(at: datetime | str) -> str:
    return f"{day(at)}, {_instant(at):%H:%M} UTC"


def _instant(at: datetime | str) -> datetime:
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    return at.astimezone(UTC) if at.tzinfo else at
