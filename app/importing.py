"""People of a file, taken in on the command line."""

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.progress import Progress

from app.database import opened
from app.errors import Failed
from app.settings import Settings
from resolvers.imports import FIELDS, Imported, import_users_for_vendor
from resolvers.licenses import Wanted
from resolvers.performing import perform, previewing
from resolvers.work import Clock
from schema.context import Call
from schema.ids import key


async def take_in(
    settings: Settings,
    clock: Clock,
    company: str,
    file: Path,
    columns: Iterable[str],
    wanted: Wanted | None,
    *,
    preview: bool,
) -> Imported:
    """As `importUsers`, with a progress bar. Raises Failed, and what it refuses."""
    csv, called = _text_of(file), dict(map(_column, columns))
    async with opened(settings), previewing() if preview else nullcontext():
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("Taking in", total=None)
            done = await perform(
                None,
                clock,
                import_users_for_vendor,
                _id_of(company),
                csv,
                called,
                wanted,
                lambda more, of: progress.update(bar, advance=more, total=of),
                how=Call(None, preview),
            )
    return done.result


def _id_of(company: str) -> UUID:
    """From a UUID, or an id of the API."""
    try:
        return UUID(company)
    except ValueError:
        return key("Company", company)


def _text_of(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError:
        raise Failed(f"{file} is not in UTF-8: save it so.") from None


def _column(told: str) -> tuple[str, str]:
    field, _, name = told.partition("=")
    for known in FIELDS:
        if name and field.replace("_", "").lower() == known.replace("_", ""):
            return known, name
    raise Failed(f"--column is FIELD=NAME, where the field is one of {', '.join(FIELDS)}.")
