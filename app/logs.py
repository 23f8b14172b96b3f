"""What is logged: text for people or JSON for machines, and never what people sent.

Each line says for which request it was written. One tells of the request itself (app.access).

An exception's own words may quote an address or a token (PostgreSQL's DETAIL does), so that only
its type and the place where it was raised are written.
"""

import logging
import logging.config
from collections.abc import Iterator, Mapping
from copy import copy
from datetime import UTC, datetime
from time import time  # noqa: TID251 - a line tells when it was written, as all of logging's do
from traceback import format_tb
from typing import Any, Final, Literal

import orjson

from app import current

UVICORNS_ACCESS: Final = "uvicorn.access"
SERVER: Final = "uvicorn.error"


class Wordless(logging.Formatter):
    """Formats exceptions as the lines of code they came through, without their messages."""

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info or record.exc_text:
            record = copy(record)
            record.exc_text = None  # where another formatter may have left its words
        return super().format(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(_places(ei[1]))


class Told(logging.LogRecord):
    """What a line of every request tells, made without a look at what none does: the place in the
    code that wrote it, its thread and its process."""

    _others: Final = vars(logging.LogRecord("", logging.INFO, "", 0, "", (), None))

    def __init__(self, name: str, message: str, facts: Mapping[str, Any]) -> None:
        at = time()
        self.__dict__.update(self._others)
        self.name, self.msg, self.facts = name, message, facts
        self.created, self.msecs = at, int(at % 1 * 1000)


def tell(log: logging.Logger, message: str, facts: Mapping[str, Any]) -> None:
    """A line; JSON has the facts of it apart, too."""
    if log.isEnabledFor(logging.INFO):
        log.handle(Told(log.name, message, facts))


class Text(Wordless):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        told = " ".join(current.facts().values())
        return super().formatMessage(record) + (f" [{told}]" if told else "")


class Json(Wordless):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= current.facts() | getattr(record, "facts", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, option=orjson.OPT_UTC_Z, default=str).decode()


class WithoutSockets(logging.Filter):
    """Leaves out what uvicorn says of WebSockets: addresses, and queries."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(('%s - "WebSocket', "connection "))


def config(form: Literal["text", "json"]) -> dict[str, Any]:
    """What `logging.config.dictConfig` takes, and uvicorn."""
    text = {"()": Text, "fmt": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"without_sockets": {"()": WithoutSockets}},
        "formatters": {"form": text if form == "text" else {"()": Json}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "form"}},
        "loggers": {
            UVICORNS_ACCESS: {"level": "WARNING"},  # it tells addresses and queries
            SERVER: {"filters": ["without_sockets"]},
            "tortoise": {"level": "WARNING"},  # below that it tells values; so does aiosqlite
            "aiosqlite": {"level": "WARNING"},
            "strawberry": {"level": "CRITICAL"},  # quotes what people sent; the schema tells enough
            "mail.log": {"level": "WARNING"},  # aiosmtpd tells every address
        },
        "root": {"level": "INFO", "handlers": ["stderr"]},
    }


def configure(form: Literal["text", "json"]) -> None:
    """Without a look, for each line, at what none of them tells: its place in the code, its thread,
    its process (https://docs.python.org/3/howto/logging.html#optimization)."""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.config.dictConfig(config(form))


def _places(error: BaseException | None) -> Iterator[str]:
    """The error and what caused it, the first cause first."""
    chain = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for link in reversed(chain):
        yield "".join(format_tb(link.__traceback__)) + type(link).__qualname__
