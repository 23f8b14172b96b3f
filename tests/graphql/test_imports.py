"""`importUsers` by the API: what is asked for and what is answered."""

from typing import Any

import pytest

from models.licenses import License
from models.sessions import Tally
from models.sheets import MOST_BYTES
from models.users import User
from schema.ids import global_id
from tests.factories import Make
from tests.graphql.api import Api
from tests.scene import Scene
from tests.snapshots import snapshot

IMPORT = """
mutation($input: ImportUsersInput!) {
  importUsers(input: $input) {
    created updated unchanged licensed shortage
    rowErrors { line column message } errors { code message path }
  }
}"""
CSV = "\ufeffE-Mail;First name\r\nann@example.com;Ann\r\nbob@example.com;\r\n"


@pytest.fixture
async def scene(make: Make) -> Scene:
    return await Scene.set(make)


def answered(**told: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("created", "updated", "unchanged", "licensed", "shortage"), 0)
    return {"data": {"importUsers": {**counts, "rowErrors": [], "errors": [], **told}}}


async def test_a_file_is_taken_in_and_counted(make: Make, api: Api, scene: Scene) -> None:
    await make.licenses(scene.customer, 2)
    await make.user(scene.customer, email="bob@example.com")

    assert await api.send(scene.cora, IMPORT, input={"csv": CSV}) == answered(
        created=1, unchanged=1, licensed=1
    )


async def test_columns_company_and_licenses_are_as_told(make: Make, api: Api, scene: Scene) -> None:
    await make.licenses(scene.customer, 1)
    input = {
        "companyId": global_id("Company", scene.customer.id),
        "csv": "Login\tVorname\tE-Mail\nann@example.com\tAnn\t?\nbob@example.com\tBob\t?\n",
        "columns": {"email": "Login", "firstName": "VORNAME", "lastName": None},
        "licenseType": "PREMIUM",
        "onShortage": "PARTIAL",
    }

    assert await api.send(scene.pam, IMPORT, input=input) == answered(
        created=2, licensed=1, shortage=1
    )

    ann = await User.get(email="ann@example.com")
    [license] = await License.all()
    assert (ann.company_id, ann.name, license.holder_id) == (scene.customer.id, "Ann", ann.id)


async def test_faulty_rows_are_told_by_line_beside_one_error(
    api: Api, make: Make, scene: Scene
) -> None:
    client = await api.of(scene.cora)
    before = await snapshot(but=Tally)

    answer = await client.send(IMPORT, input={"csv": f"{CSV}nobody;No\npam@example.com;\n"})

    assert answer == answered(
        rowErrors=[
            {"line": 4, "column": "E-Mail", "message": "This is not an email address."},
            {"line": 5, "column": "E-Mail", "message": "This address is taken."},
        ],
        errors=[
            {
                "code": "INVALID_INPUT",
                "message": "2 rows are at fault: nothing was written.",
                "path": ["input", "csv"],
            }
        ],
    )
    assert await snapshot(but=Tally) == before


async def test_a_shortage_is_told_with_the_refusal(api: Api, make: Make, scene: Scene) -> None:
    await make.licenses(scene.customer, 1)
    client = await api.of(scene.cora)
    before = await snapshot()

    answer = await client.send(IMPORT, input={"csv": CSV})

    [error] = answer["data"]["importUsers"].pop("errors")
    assert (error["code"], error["path"]) == ("INSUFFICIENT_LICENSES", None)
    assert answer["data"]["importUsers"]["shortage"] == 1
    assert await snapshot() == before


async def test_a_preview_counts_and_is_undone(make: Make, api: Api, scene: Scene) -> None:
    await make.licenses(scene.customer, 2)
    client = await api.of(scene.cora)
    before = await snapshot()

    answer = await client.send(IMPORT, input={"csv": CSV, "preview": True})

    assert answer == answered(created=2, licensed=2)
    assert await snapshot() == before


async def test_a_file_of_10_megabytes_fits_into_a_request(
    make: Make, api: Api, scene: Scene
) -> None:
    rows = 10_000
    filler = "é" * (MOST_BYTES // rows // 2 - 11)
    csv = "email,notes\r\n" + "".join(f'a{n}@x.example,"{filler}"\r\n' for n in range(rows))
    csv += "z@x.example," + "x" * (MOST_BYTES - len(csv.encode()) - len("z@x.example,"))

    assert len(csv.encode()) == MOST_BYTES
    answer = await api.send(scene.cora, IMPORT, input={"csv": csv, "allocate": False})

    assert answer == answered(created=rows + 1)


async def test_nobody_signed_in_learns_nothing_of_their_file(api: Api) -> None:
    answer = await api.send(None, IMPORT, input={"csv": "junk"})

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
