"""CSV as people have it, and files that are none."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidInput, Path
from models.sheets import MOST_BYTES, Row, RowFault, Sheet, read

FIELDS = ("email", "first_name", "last_name", "department", "external_id")
MOST = 1_000
ANN = Row(2, {"email": "ann@example.com", "first_name": "Ann"})
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def sheet(text: str, **columns: str) -> Sheet:
    return read(text, FIELDS, columns, required="email", most=MOST)


def refusal(text: str, **columns: str) -> tuple[str, Path | None]:
    with pytest.raises(InvalidInput) as refused:
        sheet(text, **columns)
    return refused.value.message, refused.value.path


def lines(text: str) -> list[tuple[int, dict[str, str]]]:
    return [(row.line, row.cells) for row in sheet(text).rows]


# ── As people have it ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("quote", ["", '"'])
def test_any_delimiter_line_end_and_quotes_will_do(
    mark: str, delimiter: str, end: str, last: bool, quote: str
) -> None:
    rows = (("email", "First Name"), ("ann@example.com", "Ann"))
    written = [delimiter.join(f"{quote}{cell}{quote}" for cell in row) for row in rows]

    assert sheet(mark + end.join(written) + end * last) == Sheet(
        {"email": "email", "first_name": "First Name"}, [ANN], []
    )


@given(
    rows=st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=5),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    mark=st.sampled_from(["", "\ufeff"]),
)
def test_what_any_program_writes_is_read_back(
    rows: list[tuple[str, str, str]], delimiter: str, end: str, quoting: int, mark: str
) -> None:
    if any({"\r", "\n"} & set(cell) for row in rows for cell in row):
        quoting = csv.QUOTE_ALL  # Python's own leaves line breaks bare that are not `end`
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([("EMAIL", "last name", "Notes"), *rows])

    found = sheet(mark + file.getvalue())

    trimmed = [tuple(cell.strip() for cell in row) for row in rows]
    assert [row.cells for row in found.rows] == [
        {name: cell for name, cell in zip(("email", "last_name"), row, strict=False) if cell}
        for row in trimmed
        if any(row)
    ]
    assert [fault.message for fault in found.faults] == ["This row is empty."] * sum(
        not any(row) for row in trimmed
    )


@pytest.mark.parametrize(
    "names",
    [
        "email,firstName,lastName,department,externalId",
        "E-Mail,First Name,Last Name,Department,External ID",
        "EMAIL,FIRST_NAME,LAST_NAME,DEPARTMENT,EXTERNAL_ID",
        " e mail , first-name,Last.Name,department , external id",
    ],
)
def test_columns_are_known_by_name_in_any_case_and_spelling(names: str) -> None:
    cells = ("a@x.example", "Ann", "Lee", "Sales", "17")

    assert lines(f"{names}\n{','.join(cells)}") == [(2, dict(zip(FIELDS, cells, strict=True)))]


def test_columns_stand_in_any_order_and_others_are_ignored() -> None:
    text = "Notes;Last name;Notes;email\n?;Lee;!;ann@example.com"

    assert lines(text) == [(2, {"email": "ann@example.com", "last_name": "Lee"})]


def test_odd_names_are_told() -> None:
    text = "Login;Vorname;Email;#\nann@example.com;Ann;other@example.com;17"

    found = sheet(text, email="Login", first_name="vorname", external_id="#")

    assert found.names == {"email": "Login", "first_name": "Vorname", "external_id": "#"}
    assert found.rows == [
        Row(2, {"email": "ann@example.com", "first_name": "Ann", "external_id": "17"})
    ]


def test_a_column_that_was_named_is_not_taken_for_its_usual_name() -> None:
    text = "email,department\nann@example.com,Ann"

    assert sheet(text, first_name="department").rows == [ANN]


def test_the_very_same_name_is_meant_before_one_that_is_alike() -> None:
    text = "E-Mail,email,first_name\nwork@example.com,ann@example.com,Ann"

    assert sheet(text, email="email").rows == [ANN]


def test_a_row_is_known_by_the_line_it_begins_on() -> None:
    first = 'a@x.example,"one\r\ntwo\nthree\rfour"'
    text = f"email,Notes\r\n\r\n{first}\r\n\r\nb@x.example,\rc@x.example,\n"

    assert lines(text) == [
        (3, {"email": "a@x.example"}),
        (8, {"email": "b@x.example"}),
        (9, {"email": "c@x.example"}),
    ]


def test_delimiters_line_breaks_and_quotes_may_stand_within_quotes() -> None:
    text = 'email, "First Name"\nann@example.com, "Lee, ""Ann""\nB."'

    assert lines(text) == [(2, {"email": "ann@example.com", "first_name": 'Lee, "Ann"\nB.'})]


def test_a_file_of_addresses_alone_is_one_of_one_column() -> None:
    assert lines("Email\nann@example.com\n\n") == [(2, {"email": "ann@example.com"})]


def test_a_header_alone_is_a_file_without_people() -> None:
    assert sheet("email,first name\n") == Sheet(
        {"email": "email", "first_name": "first name"}, [], []
    )


def test_rows_that_do_not_fit_the_header_are_faults_and_the_others_are_read() -> None:
    text = "email,first name\na@x.example\nann@example.com,Ann\nb@x.example,Bob,Lee\n,\n"

    found = sheet(text)

    assert found.rows == [Row(3, ANN.cells)]
    assert found.faults == [
        RowFault(2, None, "This row has 1 cell, and the header 2 cells."),
        RowFault(4, None, "This row has 3 cells, and the header 2 cells."),
        RowFault(5, None, "This row is empty."),
    ]


# ── What is no such file ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["", "\ufeff", " \r\n\t\n"])
def test_an_empty_file_is_refused(text: str) -> None:
    assert refusal(text) == ("The file is empty.", ("csv",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("email\nann\0@example.com", "The file holds NUL characters: save it as UTF-8."),
        ("ann@example.com,Ann", "The first row must name the columns; this one holds an address."),
        ("name;phone\nAnn;1", "The header has no column 'email'. It has: 'name', 'phone'."),
        ("email,Note,E-MAIL\na,b,c", "The header has two columns named 'E-MAIL'."),
        ("email,first name,First_Name\na,b,c", "The header has two columns named 'First_Name'."),
    ],
)
def test_a_file_that_cannot_be_is_refused_with_the_reason(text: str, told: str) -> None:
    assert refusal(text) == (told, ("csv",))


@pytest.mark.parametrize("row", ['"never closed\n', '"closed" and more,', '"' + "x" * 200_000])
def test_a_row_that_cannot_be_read_is_told_by_its_line(row: str) -> None:
    assert refusal(f"email,note\na@x.example,b\n{row}\nc@x.example,d") == (
        "The row that begins on line 3 cannot be read: a quote is never closed, "
        "or not written twice within quotes.",
        ("csv",),
    )


def test_a_column_that_was_told_and_is_not_there_or_there_twice_is_refused() -> None:
    text = "Login,x,X\na@x.example,1,2"

    assert refusal(text, email="Login", first_name="Vorname") == (
        "The header has no column 'Vorname'.",
        ("columns", "first_name"),
    )
    assert refusal(text, email="Mail")[1] == ("columns", "email")
    assert refusal("Login,x,x\na@x.example,1,2", email="Login", department="x") == (
        "The header has two columns named 'x'.",
        ("columns", "department"),
    )
    assert sheet(text, email="Login", department="X").rows == [
        Row(2, {"email": "a@x.example", "department": "2"})
    ]


def test_a_cell_may_be_as_long_as_a_file() -> None:
    text = 'email,note,first name\na@x.example,"' + "x" * (MOST_BYTES - 100) + '",Ann\n'

    assert sheet(text).rows == [Row(2, {"email": "a@x.example", "first_name": "Ann"})]


def test_a_file_of_10_megabytes_is_read_and_a_larger_one_is_not() -> None:
    text = "email,note\nann@example.com,"
    rest = (MOST_BYTES - len(text)) % 100_000
    padding = "".join(
        f"{'ß' * 49_997}\nx," for _ in range((MOST_BYTES - len(text) - rest) // 99_997)
    )
    full = text + padding + "x" * (MOST_BYTES - len((text + padding).encode()))

    assert len(sheet(full).rows) == 1 + padding.count("\n")
    assert refusal(full + "x") == ("At most 10 MB; these are 10,485,761 bytes.", ("csv",))


def test_more_rows_than_the_most_are_refused_faulty_ones_counted() -> None:
    text = "email,note\n" + "a,b\n" * (MOST - 1) + ",\n"

    assert len(sheet(text).rows) == MOST - 1
    assert refusal(text + "a,b\n") == ("At most 1,000 rows at once: split the file.", ("csv",))
