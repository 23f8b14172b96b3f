"""A client of the API over a real socket, and the documents that tests send."""

from typing import Any, Final, Self

import httpx

from tests.factories import PASSWORD

Json = dict[str, Any]

ERRORS: Final = "errors { code message path }"
SIGN_IN: Final = f"""
mutation($email: String!, $password: String!) {{
  signIn(input: {{email: $email, password: $password}}) {{
    accessToken expiresAt viewer {{ user {{ id email role }} company {{ id name }} }} {ERRORS}
  }}
}}"""
CREATE_COMPANY: Final = f"""
mutation($input: CreateCompanyInput!) {{
  createCompany(input: $input) {{
    company {{ id name kind plan accountManager {{ email }} licenseSummary {{ total available }} }}
    order {{ id number status origin quantity assignedQuantity }}
    notifications {{ template recipient status }}
    {ERRORS}
  }}
}}"""
ADD_MANAGER: Final = """
mutation($input: AddManagerInput!) { addManager(input: $input) { user { id } errors { code } } }"""
ENTER: Final = f"""
mutation($id: ID!) {{
  enterManageMode(input: {{companyId: $id}}) {{
    accessToken manageSession {{ id company {{ id name }} }}
    viewer {{ user {{ email }} company {{ id }} manageSession {{ id }} }} {ERRORS}
  }}
}}"""
EXIT: Final = f"mutation {{ exitManageMode {{ manageSession {{ id endedAt }} {ERRORS} }} }}"
REQUEST: Final = f"""
mutation($input: RequestLicensesInput!) {{
  requestLicenses(input: $input) {{
    order {{
      id number status origin quantity requestedBy {{ email }} onBehalfOf {{ id }}
      viewerCan {{ assign {{ allowed reason }} }}
    }}
    similar {{ number }}
    notifications {{ template recipient }}
    {ERRORS}
  }}
}}"""
ASSIGN: Final = f"""
mutation($input: AssignOrderInput!) {{
  assignOrder(input: $input) {{
    order {{
      id number status assignedQuantity expiresAt
      company {{ plan licenseSummary {{ total available allocated expired requested }} }}
    }}
    notifications {{ template recipient }}
    {ERRORS}
  }}
}}"""
ADD_USERS: Final = f"""
mutation($input: AddUsersInput!) {{
  addUsers(input: $input) {{
    users {{ id email license {{ id }} }} licenses {{ id }} shortage {ERRORS}
  }}
}}"""
ALLOCATE: Final = f"""
mutation($input: AllocateLicensesInput!) {{
  allocateLicenses(input: $input) {{
    licenses {{ id status user {{ email }} }} shortage
    alreadyLicensed {{ email }} unknownEmails {ERRORS}
  }}
}}"""
RELEASE: Final = f"""
mutation($input: ReleaseLicensesInput!) {{
  releaseLicenses(input: $input) {{ users {{ id }} {ERRORS} }}
}}"""
REALLOCATE: Final = f"""
mutation($input: ReallocateLicenseInput!) {{
  reallocateLicense(input: $input) {{
    license {{ id status user {{ email }} allocations(first: 5) {{ totalCount }} }}
    previousUser {{ email license {{ id }} }} {ERRORS}
  }}
}}"""
ORDERS: Final = """
query($filter: OrderFilter, $scope: Scope = SUBTREE) {
  orders(filter: $filter, scope: $scope) {
    totalCount edges { node { id number status quantity company { name } } }
  }
}"""
SUMMARY: Final = """
query($id: ID!) {
  company(id: $id) {
    licenseSummary { total available allocated expiring expired requested }
  }
}"""


class Client:
    """Sends documents, as one person or as nobody."""

    def __init__(self, http: httpx.AsyncClient, token: str | None = None) -> None:
        self.http = http
        self.token = token

    async def send(self, document: str, **variables: Any) -> Json:
        """The whole answer."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        response = await self.http.post(
            "/graphql", json={"query": document, "variables": variables}, headers=headers
        )
        answer: Json = response.json()
        return answer

    async def ask(self, document: str, **variables: Any) -> Any:
        """The one root field of an answer without top-level errors."""
        answer = await self.send(document, **variables)
        assert "errors" not in answer, answer["errors"]
        [value] = answer["data"].values()
        return value

    async def done(self, document: str, **variables: Any) -> Json:
        """As `ask`, of a mutation that refused nothing."""
        payload: Json = await self.ask(document, **variables)
        assert payload["errors"] == [], payload["errors"]
        return payload

    async def codes(self, document: str, **variables: Any) -> list[str]:
        """What a mutation refused."""
        payload = await self.ask(document, **variables)
        return [error["code"] for error in payload["errors"]]

    async def sign_in(self, email: str, password: str = PASSWORD) -> Self:
        answer = await self.done(SIGN_IN, email=email, password=password)
        return type(self)(self.http, answer["accessToken"])

    async def manage(self, company_id: str) -> Self:
        answer = await self.done(ENTER, id=company_id)
        return type(self)(self.http, answer["accessToken"])
