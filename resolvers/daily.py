"""The daily jobs: what nobody asks for, because it is the clock's turn.

Each step is one small transaction of `perform`, at an instant of its own, and claims what it does;
so any number may run at once, and what one leaves half done the next one finishes.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from models.chores import begin_round, claim, end_round, last_round, note_round
from models.companies import Company
from models.deadlines import (
    BEGINNING,
    FIRST,
    LEFTOVERS,
    NEWS_FOR,
    REMINDER,
    SECOND_REMINDER,
    Lead,
    Leftover,
    Page,
    end_stays,
    ended,
    expiries,
    next_page,
    sweep,
    waiting,
    waiting_key,
)
from models.orders import Order, OrderStatus
from models.people import account_managers_above, account_managers_of, managers_by_company
from models.users import User
from models.webhooks import WebhookEvent
from resolvers import notices
from resolvers.performing import perform
from resolvers.work import Clock, Work

HELD: Final = timedelta(minutes=10)
"""How long a round waits for another worker after its own was killed."""


async def round_if_due(clock: Clock) -> bool:
    """A round, if none was done in this hour and no other worker is at it.

    Hourly, so that what happens on a day is told on that day.
    """
    now = clock()
    hour = now.replace(minute=0, second=0, microsecond=0)
    if not await begin_round(now, hour, now + HELD):
        return False
    await run(clock)
    await end_round(clock())
    return True


async def run(clock: Clock) -> Counter[str]:
    """All jobs at once; how much of each there was. To run them again does nothing twice."""
    done: Counter[str] = Counter()

    async def do(what: str, operation: Callable[..., Awaitable[int]], *arguments: object) -> int:
        finished = await perform(None, clock, operation, *arguments)
        done[what] += finished.result
        done["mails"] += len(finished.notices)
        return finished.result

    began = clock()
    since = await _since(began)
    page = await next_page(FIRST)
    while page is not None:
        await do("expired", write_down_expired, page, since)
        await do("told", tell_of_expiries, page)
        page = await next_page(page.last)
    for after in (SECOND_REMINDER, REMINDER):
        while await do("reminded", remind_of_orders, after):
            pass
    for leftover in LEFTOVERS:
        while await do("swept", sweep_up, leftover):
            pass
    await note_round(began)
    return done


async def write_down_expired(work: Work, page: Page, since: datetime) -> int:
    """End the stays that the clock has ended, at the instant it did; how many licenses ran out.

    The event is of the moment it is written, for who reads on from there, and tells the day.
    """
    found = {group.key: group for group in await ended(page, since, work.now)}
    groups = [found[key] for key in await claim(found, work.now)]
    if not groups:
        return 0
    await end_stays(page, since, work.now)
    companies = await _companies(group.company_id for group in groups)
    for group in sorted(groups, key=lambda group: group.at):
        company, at = companies[group.company_id], group.at.isoformat()
        work.audit("license.expired", company, count=group.quantity, expiresAt=at)
        work.publish(
            WebhookEvent.LICENSES_EXPIRED, company, count=group.quantity, expires_at=group.at
        )
    return sum(group.quantity for group in groups)


async def tell_of_expiries(work: Work, page: Page) -> int:
    """One mail for each company and day to all its managers and its account manager; how many
    expiries were told of."""
    leads = ((expiry, expiry.lead(work.now)) for expiry in await expiries(page, work.now))
    due = {expiry.key(lead): (expiry, lead) for expiry, lead in leads if lead}
    told = sorted(await claim(due, work.now))
    companies = await _companies(due[key][0].company_id for key in told)
    managers = await managers_by_company(companies)
    above = await account_managers_of(list(companies.values()))
    for key in told:
        expiry, lead = due[key]
        company = companies[expiry.company_id]
        work.notify(
            notices.expiry(company, expiry, lead),
            to=[*managers.get(company.id, ()), *above[company.id]],
        )
        if lead is not Lead.NONE:
            work.publish(
                WebhookEvent.LICENSES_EXPIRING,
                company,
                count=expiry.quantity,
                expires_at=expiry.first,
            )
    return len(told)


async def remind_of_orders(work: Work, after: timedelta) -> int:
    """Remind those who are to assign orders that still wait; how many orders were looked at."""
    found = {waiting_key(id, after): id for id in await waiting(after, work.now)}
    ids = [found[key] for key in await claim(found, work.now)]
    orders = await (
        Order.filter(id__in=ids, status=OrderStatus.REQUESTED)
        .order_by("id")
        .select_for_update(no_key=True)
    )
    companies = await _companies(order.company_id for order in orders)
    people = await account_managers_of(list(companies.values()))
    if after == SECOND_REMINDER:
        people = await _with_those_above(people)
    reminded = [
        order
        for order in orders
        if work.notify(
            notices.order_waiting(companies[order.company_id], order, waiting_key(order.id, after)),
            to=people[order.company_id],
        )
    ]
    work.changed(*reminded)
    ids = [order.id for order in reminded]
    await Order.filter(id__in=ids).update(reminded_at=work.now, updated_at=work.now)
    return len(found)


async def sweep_up(work: Work, leftover: Leftover) -> int:
    """Delete some rows that nobody needs any more; how many."""
    return await sweep(leftover, work.now)


async def _with_those_above(people: Mapping[UUID, list[User]]) -> dict[UUID, list[User]]:
    """And the account managers of the next company up, seen from theirs."""
    above = await account_managers_above({user.path for each in people.values() for user in each})
    return {
        id: [*each, *(other for user in each[:1] for other in above[user.path])]
        for id, each in people.items()
    }


async def _companies(ids: Iterable[UUID]) -> dict[UUID, Company]:
    return {company.id: company for company in await Company.filter(id__in=set(ids))}


async def _since(now: datetime) -> datetime:
    """From when expiries are written down: those before the last round are so already."""
    last = await last_round()
    return min(last - timedelta(days=1), now - NEWS_FOR) if last else BEGINNING
