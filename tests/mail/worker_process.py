"""A worker in a process of its own, to be killed: DATABASE_URL SMTP_URL NOW."""

import asyncio
import sys
from datetime import datetime

from app.database import connected
from mail.transport import Transport
from mail.worker import Worker
from tests.mail.conftest import MAIL_FROM, PUBLIC_URL


async def main(database_url: str, smtp_url: str, now: str) -> None:
    async with connected(database_url):
        worker = Worker(
            Transport(smtp_url),
            public_url=PUBLIC_URL,
            mail_from=MAIL_FROM,
            clock=lambda: datetime.fromisoformat(now),
        )
        await worker.drain()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
