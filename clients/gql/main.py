"""gql, with the schema read from the server: every document is checked before it is sent."""

import asyncio
import contextlib
import os

from gql import Client, GraphQLRequest, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport

ADDRESS = os.environ["CANOPY_ADDRESS"] + "/graphql"
WHO = {"email": os.environ["CANOPY_EMAIL"], "password": os.environ["CANOPY_PASSWORD"]}
SIGN_IN = gql("""
    mutation ($input: SignInInput!) { signIn(input: $input) { accessToken errors { code } } }
""")
CHANGED = gql("""
    query ($since: DateTime!, $after: String) {
      companies(first: 5, after: $after, filter: {updatedAt: {gte: $since}}) {
        edges { node { id externalId name updatedAt } }
        pageInfo { hasNextPage endCursor }
      }
    }
""")
SINCE = "2000-01-01T00:00:00Z"
TWICE = gql("{ companies(first: 1, last: 1) { edges { cursor } } }")


async def main() -> None:
    signing_in = GraphQLRequest(SIGN_IN, variable_values={"input": WHO})
    async with Client(transport=HTTPXAsyncTransport(ADDRESS)) as session:
        signed_in = (await session.execute(signing_in))["signIn"]
    assert signed_in["errors"] == []

    headers = {"Authorization": f"Bearer {signed_in['accessToken']}"}
    transport = HTTPXAsyncTransport(ADDRESS, headers=headers)
    async with Client(transport=transport, fetch_schema_from_transport=True) as session:
        names, after = [], None
        while True:
            asked = GraphQLRequest(CHANGED, variable_values={"since": SINCE, "after": after})
            page = (await session.execute(asked))["companies"]
            names += [edge["node"]["name"] for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        assert len(names) == len(set(names)) > 5

        with contextlib.suppress(TransportQueryError):
            await session.execute(TWICE)
            raise AssertionError("`first` and `last` together are refused")


asyncio.run(main())
