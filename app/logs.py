"""What is logged: text for people or JSON for machines, and never what people sent.

An exception's own words may quote an address or a token (PostgreSQL's DETAIL does), so that only
its type and the place where it was raised are written.
"""

import logging
import logging.config
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime
from traceback import format_tb
from typing import Any, Final, Literal

import orjson

ACCESS: Final = "uvicorn.access"
SERVER: Final = "uvicorn.error"


class Wordless(logging.Formatter):
    """Formats exceptions as the lines of code they came through, without their messages."""

    def format(self, record: logging.LogRecord) -> str:
        own = copy(record)
        own.exc_text = None  # where another formatter may have left its words
        return super().format(own)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(_places(ei[1]))


class Json(Wordless):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, option=orjson.OPT_UTC_Z, default=str).decode()


class WithoutQuery(logging.Filter):
    """Cuts off what a GET asked and who sent it: `client, method, path?query, version, status`."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and len(record.args) == 5:
            _, method, path, _, status = record.args
            record.msg, record.args = "%s %s %s", (method, str(path).partition("?")[0], status)
        return True


class WithoutClient(logging.Filter):
    """As `WithoutQuery`, of a WebSocket: `client, path?query`, and the status where refused."""

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith('%s - "WebSocket') and isinstance(record.args, tuple):
            _, path, *status = record.args
            record.msg = "WebSocket %s %s"
            record.args = (str(path).partition("?")[0], *(status or ["opened"]))
        return True


def config(form: Literal["text", "json"]) -> dict[str, Any]:
    """What `logging.config.dictConfig` takes, and uvicorn."""
    text = {"()": Wordless, "fmt": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "without_query": {"()": WithoutQuery},
            "without_client": {"()": WithoutClient},
        },
        "formatters": {"form": text if form == "text" else {"()": Json}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "form"}},
        "loggers": {
            ACCESS: {"filters": ["without_query"]},
            SERVER: {"filters": ["without_client"]},
            "strawberry": {"level": "CRITICAL"},  # quotes what people sent; the schema tells enough
            "mail.log": {"level": "WARNING"},  # aiosmtpd tells every address
        },
        "root": {"level": "INFO", "handlers": ["stderr"]},
    }


def configure(form: Literal["text", "json"]) -> None:
    logging.config.dictConfig(config(form))


def _places(error: BaseException | None) -> Iterator[str]:
    """The error and what caused it, the first cause first."""
    chain = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for link in reversed(chain):
        yield "".join(format_tb(link.__traceback__)) + type(link).__qualname__
