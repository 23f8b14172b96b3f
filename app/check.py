"""`canopy check`: what is set, what can be reached, and what is wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from app.database import UNREACHABLE, connected, is_sqlite, pending
from app.documents import Documents
from app.errors import Failed
from app.settings import LIMITS, Settings, unknown
from mail.transport import ServerTrouble, Transport

PATIENCE: Final = 5.0
"""Seconds for the database, and for each step of the mail server."""


async def report(settings: Settings, say: Callable[[str], object]) -> bool:
    """Say it all; true if nothing is wrong."""
    shown = settings.shown()
    say("Settings")
    _list(say, {name: value for name, value in shown.items() if not name.startswith(LIMITS)})
    say("Limits")
    _list(say, {name: value for name, value in shown.items() if name.startswith(LIMITS)})
    for name in unknown():
        say(f"note: {name} is no setting and does nothing")
    problems = [problem async for problem in _problems(settings, say)]
    for problem in problems:
        say(f"wrong: {problem}")
    return not problems


def _list(say: Callable[[str], object], values: dict[str, str]) -> None:
    for name, value in values.items():
        say(f"  {name:<35} {value}")


async def _problems(settings: Settings, say: Callable[[str], object]) -> AsyncIterator[str]:
    if settings.documents:
        if problem := _of_documents(settings):
            yield problem
        else:
            say("well: the documents can be run")
    if problem := await _of_database(settings.database_url):
        yield f"CANOPY_DATABASE_URL: {problem}"
    else:
        say("well: the database answers, and is up to date")
    if problem := await _of_mail_server(settings.smtp_url):
        yield f"CANOPY_SMTP_URL: {problem}"
    else:
        say("well: the mail server answers")


def _of_documents(settings: Settings) -> str | None:
    from schema.build import schema

    try:
        Documents(schema._schema, settings)
    except Failed as failed:
        return str(failed)
    return None


async def _of_database(url: str) -> str | None:
    if is_sqlite(url) and not _exists(url):
        return "there is no such file yet. Run: canopy migrate"
    try:
        async with asyncio.timeout(PATIENCE), connected(url) as connection:
            names = await pending(connection)
    except UNREACHABLE as error:
        return f"the database cannot be reached: {error or type(error).__name__}"
    return f"the database lacks {', '.join(names)}. Run: canopy migrate" if names else None


def _exists(url: str) -> bool:
    """Looked at first, for connecting would make the file."""
    return Path(url.removeprefix("sqlite://")).exists()


async def _of_mail_server(url: str) -> str | None:
    transport = Transport(url, timeout=PATIENCE)
    try:
        await transport.open()
    except ServerTrouble as trouble:
        return str(trouble)
    finally:
        await transport.close()
    return None
