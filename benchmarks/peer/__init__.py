"""PostGraphile 5 beside us: a GraphQL API made of the tables themselves, by Node 22 from npm."""

import asyncio
import subprocess
from pathlib import Path
from typing import Final

import asyncpg

from benchmarks.servers import Started, started
from tests.postgres import free_port

HERE: Final = Path(__file__).parent
NODE: Final = HERE / "node_modules" / "node" / "bin" / "node"
NAME: Final = "postgraphile"
ALIVE: Final = "isArchived: false"
BY_NAME: Final = "orderBy: [NAME_KEY_ASC, PRIMARY_KEY_ASC]"
DOCUMENTS: Final = {
    "Q1": f"""
query Tree($id: UUID!) {{
  company: companyByRowId(rowId: $id) {{
    name kind children: companiesByParentId(first: 50, condition: {{{ALIVE}}}, {BY_NAME}) {{
      edges {{ node {{
        name
        licenseSummary {{ available allocated expiring expired }}
        children: companiesByParentId(first: 10, condition: {{{ALIVE}}}, {BY_NAME}) {{
          edges {{ node {{ name }} }}
        }}
      }} }}
    }}
  }}
}}""",
    "Q2": """
query Requests($path: String!) {
  orders: requestsBelow(top: $path, first: 50) {
    edges { node {
      number status quantity requestedAt company: companyByCompanyId { name }
      requestedBy: userByRequestedById { name: fullName email }
    } }
    totalCount
  }
}""",
    "Q3": """
query Licenses($companyId: UUID!) {
  licenses: allocatedLicenses(company: $companyId, first: 100) {
    edges { node {
      id: globalId status: state expiresAt user: userByHolderId { name: fullName email }
      order: orderByOrderId { number }
    } }
  }
}""",
}


async def install() -> bool:
    """Whether it is there now."""
    if not NODE.exists():
        process = await asyncio.create_subprocess_exec(
            *("npm", "ci", "--no-fund", "--no-audit", "--loglevel=error"),
            cwd=HERE,
            stdout=subprocess.DEVNULL,
        )
        await process.wait()
    return NODE.exists()


async def postgraphile(database_url: str) -> Started:
    connection = await asyncpg.connect(database_url)
    await connection.execute((HERE / "schema.sql").read_text())
    await connection.close()
    port = free_port()
    told = {"PEER_DATABASE_URL": database_url, "PEER_PORT": str(port), "NODE_ENV": "production"}
    return started(NAME, port, (str(NODE), str(HERE / "server.mjs")), told)
