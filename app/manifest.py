"""Trusted documents: a file of all that clients may ask, as Relay and Apollo write it.

Relay's compiler writes {id: text}; Apollo's generator a list of operations with id and body.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from app.errors import Failed
from app.settings import Settings

APOLLO: Final = ("apollo-persisted-query-manifest", 1)
SHA256: Final = "sha256:"


class Manifest:
    """Documents by the ids of the file, and by the SHA-256 of their texts."""

    def __init__(self, texts: Mapping[str, str], *, is_all: bool) -> None:
        """`is_all`: nothing else is run."""
        self.texts = texts
        self._is_all = is_all
        self._by_hash = {sha256(text.encode()).hexdigest(): text for text in texts.values()}
        self._texts = frozenset(texts.values())

    def text(self, id: str) -> str | None:
        return self.texts.get(id) or self._by_hash.get(id.removeprefix(SHA256))

    def allows(self, text: str) -> bool:
        return not self._is_all or text in self._texts


def manifest_of(settings: Settings) -> Manifest | None:
    """That of the file that the settings name. Raises Failed."""
    if not settings.documents:
        return None
    texts = _texts(_read(Path(settings.documents)))
    if not texts:
        raise Failed(
            f"CANOPY_DOCUMENTS: {settings.documents} is no manifest with documents. It is "
            '{"id": "text", …}, as Relay writes it, or Apollo\'s '
            f'{{"format": "{APOLLO[0]}", "version": {APOLLO[1]}, "operations": …}}.'
        )
    return Manifest(texts, is_all=not settings.other_documents)


def _read(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise Failed(f"CANOPY_DOCUMENTS: {path} cannot be read: {error.strerror}.") from None
    except orjson.JSONDecodeError as error:
        raise Failed(f"CANOPY_DOCUMENTS: {path} is not JSON: {error}.") from None


def _texts(read: Any) -> dict[str, str] | None:
    """None, if it has neither form, or one id twice."""
    match read:
        case {"format": str(format), "version": int(version), "operations": list(operations)}:
            if (format, version) != APOLLO:
                return None
            pairs = [_operation(operation) for operation in operations]
        case dict():
            pairs = list(read.items())
        case _:
            return None
    texts = dict(pairs)
    is_whole = all(isinstance(word, str) and word for pair in pairs for word in pair)
    return texts if is_whole and len(texts) == len(pairs) else None


def _operation(read: Any) -> tuple[Any, Any]:
    match read:
        case {"id": id, "body": body}:
            return id, body
    return None, None
