"""The command `canopy`."""

import asyncio
import signal
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NoReturn

import typer

from app import logs
from app.clock import utc_now
from app.database import UNREACHABLE, connected, migrate, opened, pending
from app.errors import Failed
from app.settings import Settings, WrongSettings, count_together, load, tell
from models.errors import InsufficientLicenses, Refusal
from models.licenses import LicenseType
from models.sheets import FaultyRows
from models.tokens import ApiScope
from resolvers.licenses import ShortagePolicy, Wanted

GRACE = 20
"""Seconds that requests have to finish, when the server stops."""
PATIENCE = 60
"""Seconds that a process may be silent, until another takes its place: on a busy machine it takes
some only to start, and a server of several must not end each before it has."""

command = typer.Typer(
    name="canopy",
    help="The licensing back office. Settings come from the environment, or from .env.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Exits with 0 if all went well, 1 if not, 2 for a command that is none."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        command(standalone_mode=True)
    except WrongSettings as wrong:
        _fail(*wrong.problems)
    except (Failed, Refusal) as failed:
        _fail(str(failed))
    except UNREACHABLE as error:
        _fail(f"The database cannot be reached: {error or type(error).__name__}")


@command.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="How many processes.")] = 1,
    fd: Annotated[
        int | None,
        typer.Option(min=0, help="An open socket to listen on, as systemd hands over as 3."),
    ] = None,
    migrate_first: Annotated[
        bool, typer.Option("--migrate", help="Bring the database up to date first.")
    ] = False,
    documents: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="Run only the documents of this manifest, of Relay or Apollo."
        ),
    ] = None,
    other_documents: Annotated[
        bool, typer.Option("--other-documents", help="Run all others, too.")
    ] = False,
) -> None:
    """Serve the API; refuses a database whose schema is behind, unless --migrate."""
    import uvicorn

    from app.connections import of_connections
    from app.sockets import of_sockets

    if documents:
        tell(documents=str(documents))
    if other_documents:
        tell(other_documents="true")
    settings = _begin()
    settings.require_one_process(workers)
    _require_documents(settings)
    if migrate_first:
        asyncio.run(migrate(settings.database_url, _say))
    asyncio.run(_require_up_to_date(settings))
    served: dict[str, Any] = {
        "app": "app.asgi:from_environment",
        "factory": True,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": GRACE,
        "timeout_worker_healthcheck": PATIENCE,
        **of_connections(),
        **of_sockets(settings),
    }
    if fd is not None:
        if workers > 1:
            raise Failed("--fd is of one process: start several with the same socket.")
        server = uvicorn.Server(uvicorn.Config(**served))
        server.run(sockets=[socket.socket(fileno=fd)])  # uvicorn's own fd knows no addresses
        sys.exit(0 if server.started else 1)
    with TemporaryDirectory(prefix="canopy-metrics-") as folder:
        if workers > 1:
            count_together(folder)
        uvicorn.run(host=host, port=port, workers=workers, **served)


@command.command()
def worker() -> None:
    """Send what was promised, mail and webhooks, and do the daily jobs; any number may run."""
    asyncio.run(_work(_begin()))


@command.command()
def run_daily(
    now: Annotated[
        str | None, typer.Option(help="As of then: 2027-03-01T09:30:00Z, or a day.")
    ] = None,
) -> None:
    """Do the daily jobs at once: expiries, their notices, reminders, clean-up; each once."""
    from app.daily import at_once

    settings = _begin()
    then = _instant(now) if now else None
    asyncio.run(_require_up_to_date(settings))
    done = asyncio.run(at_once(settings, then))
    _say(
        f"{done['mails']:,} mails promised, {done['expired']:,} expired licenses written down, "
        f"{done['swept']:,} old rows deleted."
    )


@command.command(name="migrate")
def migrate_database(
    plan: Annotated[bool, typer.Option("--plan", help="Only show what would be done.")] = False,
) -> None:
    """Bring the database up to date; safe to run on several machines at once."""
    settings = _begin()
    if plan:
        names = asyncio.run(_pending(settings))
        _say("\n".join(names) or "The database is up to date.")
        return
    asyncio.run(migrate(settings.database_url, _say))
    _say("The database is up to date.")


@command.command()
def create_vendor(
    name: Annotated[str, typer.Option(help="What the company is called.")],
    email: Annotated[str, typer.Option(help="Of its first account manager.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from the first line.")
    ] = False,
) -> None:
    """Make the root company and its first account manager; there can be one only."""
    from app.vendor import create

    settings = _begin()
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    asyncio.run(_require_up_to_date(settings))
    link = asyncio.run(create(settings, utc_now, name, email, password))
    _say(f"{name} is there, and {email} is its account manager.")
    if link:
        _say(f"Set the password within 7 days: {link}")


@command.command()
def create_token(
    user: Annotated[str, typer.Option(help="The email of the manager in whose name it acts.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[ApiScope], typer.Option(help="What it may be used for.")],
    more: Annotated[
        list[ApiScope] | None, typer.Argument(metavar="[SCOPE]…", help="More scopes.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When it ends by itself, such as 2027-01-01T00:00:00Z.")
    ] = None,
) -> None:
    """Make an API token of that person's company, and print it this once."""
    from app.tokens import create

    settings = _begin()
    asyncio.run(_require_up_to_date(settings))
    secret = asyncio.run(create(settings, utc_now, user, name, scope + (more or []), expires))
    typer.echo(f"{name}: it is shown this once. Send it as Authorization: Bearer …", err=True)
    _say(secret)


@command.command()
def import_users(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV in UTF-8.")],
    company: Annotated[str, typer.Option(help="The id of the company.")],
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=NAME", help="A column of another name: email=Login."),
    ] = None,
    allocate: Annotated[bool, typer.Option(help="Give each new learner a license.")] = True,
    license_type: Annotated[
        LicenseType | None, typer.Option(case_sensitive=False, help="Only of that type.")
    ] = None,
    on_shortage: Annotated[
        ShortagePolicy, typer.Option(case_sensitive=False, help="What if the pool is too small.")
    ] = ShortagePolicy.FAIL,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would be.")] = False,
) -> None:
    """Take in a file of people, all or nobody, in the name of the vendor's account manager."""
    from app.importing import take_in

    settings = _begin()
    asyncio.run(_require_up_to_date(settings))
    wanted = Wanted(license_type, None, on_shortage) if allocate else None
    try:
        done = asyncio.run(
            take_in(settings, utc_now, company, file, column or [], wanted, preview=preview)
        )
    except FaultyRows as faulty:
        for fault in faulty.faults:
            place = f"Line {fault.line}, {fault.column}" if fault.column else f"Line {fault.line}"
            typer.echo(f"{place}: {fault.message}", err=True)
        raise
    except InsufficientLicenses as short:
        raise Failed(
            f"{short.figures} Request more, or give --on-shortage partial to license the first "
            "rows, or --no-allocate."
        ) from None
    told = f"{done.created:,} created, {done.updated:,} updated, {done.unchanged:,} unchanged"
    if allocate:
        told += f"; {done.licensed:,} licensed, {done.shortage:,} without a license"
    _say(f"{told}. Nothing was written." if preview else f"{told}.")


@command.command()
def seed(
    companies: Annotated[int, typer.Option(min=10, help="Vendor and partners included.")] = 20_000,
    learners: Annotated[int, typer.Option(min=0, help="In all companies together.")] = 500_000,
    licenses: Annotated[int, typer.Option(min=0, help="Free, allocated and expired.")] = 860_000,
    random_seed: Annotated[int, typer.Option(help="The same one, the same data.")] = 1,
) -> None:
    """Fill an empty database with made-up companies, people, orders and licenses."""
    from app.seeding.filling import seed
    from app.seeding.tree import Size

    settings = _begin()
    asyncio.run(_require_up_to_date(settings))
    email = asyncio.run(seed(settings, utc_now, Size(companies, learners, licenses), random_seed))
    _say(
        f"{companies:,} companies, {learners:,} learners and {licenses:,} licenses are there. "
        f"{email} is an account manager of the vendor: canopy create-token asks in that name."
    )


@command.command()
def export_schema() -> None:
    """Print the GraphQL schema as SDL."""
    from schema.build import export_schema

    typer.echo(export_schema(), nl=False)


@command.command()
def check() -> None:
    """Read the settings, reach the database and the mail server, say what is wrong."""
    from app.check import report

    if not asyncio.run(report(_begin(), _say)):
        sys.exit(1)


@command.command()
def verify() -> None:
    """Check what must always hold on the database itself; writes nothing, and stops nobody."""
    from app.verify import verify

    settings = _begin()
    asyncio.run(_require_up_to_date(settings))
    if not asyncio.run(verify(settings, utc_now, _say)):
        sys.exit(1)


@command.command()
def demo(
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
) -> None:
    """Serve a small tree of made-up companies, with its mail at /mail."""
    try:
        from app.demo import run
    except ModuleNotFoundError as error:
        raise Failed(f"The demo needs {error.name}: pip install 'canopy[demo]'") from error
    with suppress(KeyboardInterrupt):
        asyncio.run(run(port))


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Failed(f"This is no instant: {text}. Write 2027-03-01T09:30:00Z.") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _begin() -> Settings:
    settings = load()
    logs.configure(settings.log_format)
    return settings


def _require_documents(settings: Settings) -> None:
    """Before any process is started, each of which reads them again."""
    if not settings.documents:
        return
    from app.documents import Documents
    from schema.build import schema

    if manifest := Documents(schema._schema, settings).manifest:
        only = "" if settings.other_documents else "Only these are run, and GraphiQL is off."
        _say(f"{len(manifest.texts):,} documents of {settings.documents}. {only}".rstrip())


async def _require_up_to_date(settings: Settings) -> None:
    if names := await _pending(settings):
        raise Failed(f"The database lacks {', '.join(names)}. Run: canopy migrate")


async def _pending(settings: Settings) -> list[str]:
    async with connected(settings.database_url) as connection:
        return await pending(connection)


async def _work(settings: Settings) -> None:
    from app.worker import work, workers

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await _require_up_to_date(settings)
    async with opened(settings):
        _say("At work. Ctrl-C ends it.")
        await work(workers(settings, utc_now), utc_now, stop)


def _say(words: str) -> None:
    typer.echo(words)


def _fail(*words: str) -> NoReturn:
    for word in words:
        typer.echo(word, err=True)
    sys.exit(1)


def _leave(*_: object) -> NoReturn:
    """SIGTERM ends what runs as Ctrl-C does; who listens for it has put its own in this place."""
    sys.exit(0)


if __name__ == "__main__":
    main()
