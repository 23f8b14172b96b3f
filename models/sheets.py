"""A CSV text with a header row, as people have it: read whole, or refused with a clear reason."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from models.errors import InvalidInput, Path

MOST_BYTES: Final = 10 * 1024 * 1024
DELIMITERS: Final = ",;\t"
MARK: Final = "\ufeff"
"""Of UTF-8, at the beginning of files from Excel."""
PATH: Final = ("csv",)

csv.field_size_limit(
    MOST_BYTES
)  # of the process; by default a cell of 128 KiB reads as a lost quote


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a row cannot be taken in: by the line it begins on (the header is 1), and the column."""

    line: int
    column: str | None
    message: str


class FaultyRows(InvalidInput):
    def __init__(self, faults: Sequence[RowFault], *, attempts: tuple[Any, ...] = ()) -> None:
        self.faults = sorted(faults, key=lambda fault: fault.line)
        rows = len({fault.line for fault in faults})
        told = "1 row is" if rows == 1 else f"{rows:,} rows are"
        super().__init__(f"{told} at fault: nothing was written.", PATH, attempts=attempts)

    @property
    def told(self) -> Mapping[str, Any]:
        return {"row_errors": self.faults}


@dataclass(frozen=True, slots=True)
class Row:
    """What a row says, by the field: cells that are empty are left out."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a file, and those that are none; `names` are the columns by their field."""

    names: dict[str, str]
    rows: list[Row]
    faults: list[RowFault]


def read(
    text: str, fields: Sequence[str], columns: Mapping[str, str], *, required: str, most: int
) -> Sheet:
    """The rows of a CSV text; `columns` says how fields are called that have another name there.

    Raises InvalidInput for what is no such file, or has more than `most` rows.
    """
    _must_be_text(text)
    text = text.removeprefix(MARK)
    named = {field: columns.get(field, field) for field in fields}
    delimiter = _delimiter(text, named[required])
    records = _records(text, delimiter)
    _, header = next(records, (1, []))
    header = [name.strip() for name in header]
    places = _places(header, named, columns)
    _must_have(required, places, header)
    sheet = Sheet({field: header[place] for field, place in places.items()}, [], [])
    for number, (line, record) in enumerate(records):
        if number == most:
            raise InvalidInput(f"At most {most:,} rows at once: split the file.", PATH)
        _take_in(sheet, line, record, places, len(header))
    return sheet


def _take_in(
    sheet: Sheet, line: int, record: list[str], places: Mapping[str, int], width: int
) -> None:
    cells = [cell.strip() for cell in record]
    if not any(cells):
        sheet.faults.append(RowFault(line, None, "This row is empty."))
    elif len(cells) != width:
        told = f"This row has {_cells(len(cells))}, and the header {_cells(width)}."
        sheet.faults.append(RowFault(line, None, told))
    else:
        given = {field: cells[place] for field, place in places.items() if cells[place]}
        sheet.rows.append(Row(line, given))


def _must_be_text(text: str) -> None:
    size = len(text.encode(errors="surrogatepass"))
    if size > MOST_BYTES:
        megabytes = MOST_BYTES // 1024**2
        raise InvalidInput(f"At most {megabytes} MB; these are {size:,} bytes.", PATH)
    if not text.removeprefix(MARK).strip():
        raise InvalidInput("The file is empty.", PATH)
    if "\0" in text:
        raise InvalidInput("The file holds NUL characters: save it as UTF-8.", PATH)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record and the line it begins on; blank lines are none. Raises InvalidInput."""
    lines = io.StringIO(text, newline="")  # splits at CR, LF and CRLF, and keeps them in cells
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    line = 1
    try:
        for record in reader:
            if record:
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidInput(
            f"The row that begins on line {line} cannot be read: a quote is never closed, "
            "or not written twice within quotes.",
            PATH,
        ) from error


def _delimiter(text: str, required: str) -> str:
    """The one that makes a header with the required column; else with the most."""

    def fits(delimiter: str) -> tuple[bool, int]:
        try:
            _, header = next(_records(text, delimiter), (1, []))
        except InvalidInput:
            return False, 0
        return _bare(required) in map(_bare, header), len(header)

    return max(DELIMITERS, key=fits)


def _places(
    header: Sequence[str], named: Mapping[str, str], columns: Mapping[str, str]
) -> dict[str, int]:
    """Where each field stands. Those of `columns` must be there, and come first."""
    places: dict[str, int] = {}
    for field in sorted(named, key=lambda field: field not in columns):
        path: Path = ("columns", field) if field in columns else PATH
        found = _alike(header, named[field])
        if field in columns:
            found = _same(header, named[field]) or found
        else:
            found = [place for place in found if place not in places.values()]
        if len(found) > 1:
            raise InvalidInput(f"The header has two columns named {header[found[1]]!r}.", path)
        if found:
            places[field] = found[0]
        elif field in columns:
            raise InvalidInput(f"The header has no column {named[field]!r}.", path)
    return {field: places[field] for field in named if field in places}


def _same(header: Sequence[str], name: str) -> list[int]:
    return [place for place, each in enumerate(header) if each == name.strip()]


def _alike(header: Sequence[str], name: str) -> list[int]:
    return [place for place, each in enumerate(header) if _bare(each) == _bare(name) != ""]


def _bare(name: str) -> str:
    """`First Name`, `first_name` and `firstName` are one."""
    return re.sub(r"[\s_.-]", "", name).casefold()


def _must_have(required: str, places: Mapping[str, int], header: Sequence[str]) -> None:
    if required in places:
        return
    if any("@" in name for name in header):
        raise InvalidInput("The first row must name the columns; this one holds an address.", PATH)
    named = ", ".join(repr(name[:50]) for name in header[:20])
    raise InvalidInput(f"The header has no column {required!r}. It has: {named}.", PATH)


def _cells(number: int) -> str:
    return "1 cell" if number == 1 else f"{number} cells"
