"""The client that ariadne-codegen makes of queries.graphql: typed in what it sends and gets."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from generated import (
    Client,
    LicenseFilter,
    LicensesLicensesEdgesNode,
    LicenseStatus,
    OrderStatus,
    RequestLicensesInput,
    SignInInput,
)

ADDRESS = os.environ["CANOPY_ADDRESS"] + "/graphql"
WHO = SignInInput(email=os.environ["CANOPY_EMAIL"], password=os.environ["CANOPY_PASSWORD"])


async def licenses(
    client: Client, wanted: LicenseFilter
) -> AsyncIterator[LicensesLicensesEdgesNode]:
    """All of them, a page after the other."""
    after = None
    while True:
        page = (await client.licenses(filter_=wanted, after=after)).licenses
        for edge in page.edges:
            yield edge.node
        if not page.page_info.has_next_page:
            return
        after = page.page_info.end_cursor


async def main() -> None:
    signed_in = (await Client(ADDRESS).sign_in(WHO)).sign_in
    assert signed_in.errors == []
    assert signed_in.expires_at > datetime.now(UTC)

    client = Client(ADDRESS, headers={"Authorization": f"Bearer {signed_in.access_token}"})
    live = LicenseFilter(status=[LicenseStatus.AVAILABLE, LicenseStatus.ALLOCATED])
    found = [license async for license in licenses(client, live)]
    assert len({license.id for license in found}) == len(found) > 20

    wanted = RequestLicensesInput(quantity=0)
    refused = (await client.request_licenses(wanted)).request_licenses
    assert [error.path for error in refused.errors] == [["input", "quantity"]]
    assert refused.order is None

    wanted = RequestLicensesInput(quantity=2, preview=True)
    requested = (await client.request_licenses(wanted)).request_licenses
    assert requested.errors == []
    assert requested.order.status == OrderStatus.REQUESTED


asyncio.run(main())
