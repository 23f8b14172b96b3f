"""How many statements a test sends to its database."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _Kept(logging.Handler):
    def __init__(self, kept: list[str]) -> None:
        super().__init__()
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        if "%s: %s" in str(record.msg):
            self._kept.append(record.getMessage())


@contextmanager
def statements() -> Iterator[list[str]]:
    """Those sent meanwhile, as Tortoise logs them."""
    logger = logging.getLogger("tortoise.db_client")
    kept: list[str] = []
    handler, level = _Kept(kept), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield kept
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
