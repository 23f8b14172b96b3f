"""How text from outside is taken in: trimmed, bounded, and safe to stand in a mail."""

import re
import unicodedata
from typing import Final

from models.errors import InvalidInput, Path

NAME_LENGTH: Final = 200
NOTE_LENGTH: Final = 2_000
EMAIL_LENGTH: Final = 254

# The form browsers accept for <input type=email> (HTML Living Standard), with a dot in the domain.
_EMAIL: Final = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+",
    re.IGNORECASE | re.ASCII,
)
_CONTROLS: Final = frozenset({"Cc", "Zl", "Zp", "Cs"})
_UNKEEPABLE: Final = re.compile("[\x00\ud800-\udfff]")


def line(text: str, path: Path, *, longest: int = NAME_LENGTH) -> str:
    """One line of text, trimmed and in NFC. Raises InvalidInput."""
    if not text.isprintable() and any(unicodedata.category(c) in _CONTROLS for c in text):
        raise InvalidInput("Control characters and line breaks are not allowed here.", path)
    return _bounded(unicodedata.normalize("NFC", text).strip(), path, longest)


def optional_line(text: str | None, path: Path, *, longest: int = NAME_LENGTH) -> str | None:
    return (line(text, path, longest=longest) or None) if text is not None else None


def name(text: str, path: Path) -> str:
    """A name of somebody or something: a line that is no link. Raises InvalidInput."""
    text = line(text, path)
    if "://" in text:
        raise InvalidInput("A name cannot hold a link (://).", path)
    return text


def required_name(text: str, path: Path) -> str:
    return name(text, path) or _empty(path)


def optional_name(text: str | None, path: Path) -> str | None:
    return (name(text, path) or None) if text is not None else None


def note(text: str | None, path: Path) -> str | None:
    """Free text of several lines. Raises InvalidInput."""
    if text is None:
        return None
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").strip()
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t" for c in text):
        raise InvalidInput("Control characters are not allowed here.", path)
    return _bounded(text, path, NOTE_LENGTH) or None


def required_note(text: str, path: Path) -> str:
    return note(text, path) or _empty(path)


def email(text: str, path: Path) -> str:
    """An email address, as written but for white space around it. Raises InvalidInput."""
    text = line(text, path, longest=EMAIL_LENGTH)
    if not _EMAIL.fullmatch(text) or "=?" in text:  # an encoded word (RFC 2047) would be decoded
        raise InvalidInput("This is not an email address.", path)
    return text


def email_key(text: str) -> str:
    """What addresses are compared by: without case.

    What no database takes (NUL, half a surrogate pair) is in nobody's address.
    """
    return _UNKEEPABLE.sub("\N{REPLACEMENT CHARACTER}", text).strip().lower()


def _bounded(text: str, path: Path, longest: int) -> str:
    if len(text) > longest:
        raise InvalidInput(f"At most {longest:,} characters; these are {len(text):,}.", path)
    return text


def _empty(path: Path) -> str:
    raise InvalidInput("This cannot be empty.", path)
