"""`canopy demo`: a small tree on SQLite, served with mail that is really sent and then caught."""

import socket
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app import logs, sample
from app.asgi import create_app
from app.catcher import Catcher
from app.clock import utc_now
from app.database import migrate, opened
from app.errors import Failed
from app.settings import Settings, load
from app.sockets import of_sockets
from app.worker import mail_worker

FOLDER: Final = Path("var")
DATABASE: Final = FOLDER / "demo.sqlite3"
UNFINISHED: Final = FOLDER / "demo-unfinished.sqlite3"
MAIL: Final = FOLDER / "demo-mail"
HOST: Final = "127.0.0.1"
GRACE: Final = 3
"""Seconds that requests have to finish, when it ends."""


async def run(port: int) -> None:
    """Serve until somebody ends it; what was done is there the next time. Raises Failed."""
    with _listening(port) as listening:
        catcher = Catcher(MAIL)
        async with catcher.listening():
            settings = _settings(DATABASE, catcher.url, listening.getsockname()[1])
            logs.configure(settings.log_format)
            if not DATABASE.exists():
                print("Making up a small tree of companies …", flush=True)
                catcher.forget()
                await _make(_settings(UNFINISHED, catcher.url, listening.getsockname()[1]))
            await migrate(settings.database_url)
            print(_greeting(settings), flush=True)
            app = create_app(settings, routes=[*catcher.routes, Route("/demo.json", _people)])
            await uvicorn.Server(_config(app, settings)).serve([listening])


async def _people(_: Request) -> Response:
    """Who may sign in by one click."""
    people = sample.LOGINS.items()
    return JSONResponse(
        [{"email": email, "who": who, "password": sample.PASSWORD} for email, who in people]
    )


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise Failed(f"Port {port} cannot be used. PORT=9000 make demo takes another.") from error


def _config(app: Starlette, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        **of_sockets(settings),
    )


def _settings(database: Path, smtp_url: str, port: int) -> Settings:
    """Its own, whatever the environment says: no other database and no real mail server."""
    return load(
        database_url=f"sqlite://{database}",
        smtp_url=smtp_url,
        mail_from="Canopy <no-reply@canopy.example>",
        public_url=f"http://{HOST}:{port}",
        environment="development",
        graphiql=True,
        introspection=True,
        documents="",
        embedded_worker=True,
        webhooks_to_loopback=True,
        log_format="text",
    )


async def _make(settings: Settings) -> None:
    """Aside, so that a demo that is ended meanwhile does not go on with half a tree."""
    for left in FOLDER.glob(f"{UNFINISHED.name}*"):
        left.unlink()
    await migrate(settings.database_url)
    past = sample.Past(utc_now())
    async with opened(settings):
        await sample.fill(past, mail_worker(settings, past).drain)
    UNFINISHED.rename(DATABASE)


def _greeting(settings: Settings) -> str:
    logins = "\n".join(f"  {email:<26} {who}" for email, who in sample.LOGINS.items())
    return f"""
Canopy is at     {settings.public_url}
GraphQL          {settings.public_url}/graphql
The mail it sent {settings.public_url}/mail

Each of these may sign in with the password {sample.PASSWORD}
{logins}

The data is in {FOLDER}/ and stays there; remove it to begin anew. Ctrl-C ends the demo.
"""
