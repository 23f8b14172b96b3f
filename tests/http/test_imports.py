"""People of a file over HTTP, sent as the plainest of clients send it."""

import json

from models.sheets import MOST_BYTES
from tests.http.client import SUMMARY
from tests.http.stage import Stage

ROWS = 1_000
IMPORT = """
mutation($input: ImportUsersInput!) {
  importUsers(input: $input) {
    created updated unchanged licensed shortage rowErrors { line message } errors { code }
  }
}"""


def file_of(size: int) -> str:
    """So many bytes in UTF-8, of two for most letters."""
    filler = "ж" * (size // ROWS // 2 - 15)
    csv = "email,first name,notes\r\n"
    csv += "".join(f"a{number}@x.example,Жанна,{filler}\r\n" for number in range(ROWS))
    return csv + "z@x.example,Zoë," + "z" * (size - len(csv.encode()) - 17)


async def test_a_file_of_10_megabytes_arrives_with_each_letter_escaped(stage: Stage) -> None:
    company_id = await stage.customer(await stage.partner(), licenses=ROWS + 5)
    manager = await stage.manager()
    csv = file_of(MOST_BYTES)
    body = json.dumps({"query": IMPORT, "variables": {"input": {"csv": csv}}})
    assert (len(csv.encode()), len(body) > 2.9 * MOST_BYTES) == (MOST_BYTES, True)

    response = await stage.http.post(
        "/graphql",
        content=body,
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {manager.token}"},
    )

    assert (response.status_code, response.json()) == (
        200,
        {
            "data": {
                "importUsers": {
                    "created": ROWS + 1,
                    "updated": 0,
                    "unchanged": 0,
                    "licensed": ROWS + 1,
                    "shortage": 0,
                    "rowErrors": [],
                    "errors": [],
                }
            }
        },
    )
    people = await manager.ask('{ users(filter: {name: {eq: "Жанна"}}) { totalCount } }')
    assert people == {"totalCount": ROWS}
    summary = (await manager.ask(SUMMARY, id=company_id))["licenseSummary"]
    assert (summary["available"], summary["allocated"]) == (4, ROWS + 1)
