"""Which rows exist for whom, on the database itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest
import pytest_asyncio
from tortoise.models import Model

from models.access import Caller, caller_of, known, nameable, shows_all, visible
from models.audit import AuditEvent, IdempotencyKey
from models.base import new_id
from models.companies import Company, CompanyKind, CompanyPlan
from models.licenses import Allocation, License
from models.orders import Order
from models.outbox import Notice, Notification, NotificationTemplate
from models.sessions import LinkPurpose, PasswordLink, Session, Tally, TallyKind
from models.tokens import ApiToken
from models.users import User, UserRole
from models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookMessage
from tests.conftest import Clock
from tests.factories import Make

COMPANIES = ("vendor", "distributor", "partner", "sub-partner", "lowest", "customer", "beside")
LISTED = (Company, User, Order, License, Allocation, AuditEvent, Notification, Session, ApiToken)
"""The tables of which anybody may see anything."""
KEPT = (WebhookEndpoint, WebhookDelivery)
"""Those that are kept, and seen, from inside a company alone."""
SECRET = (PasswordLink, Tally, IdempotencyKey, WebhookMessage)


@dataclass
class Tree:
    """In each company one of everything; `names` says of every row whose it is."""

    companies: dict[str, Company]
    managers: dict[str, User]
    learners: dict[str, User]
    names: dict[UUID, str]

    async def seen(self, model: type[Model], caller: Caller | None) -> list[str]:
        seen = self.called(await visible(model, caller))
        assert self.called(await visible(model, caller, by_key=True)) == seen
        return seen

    async def known(self, model: type[Model], caller: Caller | None) -> list[str]:
        known_ones = self.called(await known(model, caller))
        assert self.called(await known(model, caller, by_key=True)) == known_ones
        return known_ones

    def called(self, rows: Iterable[Model]) -> list[str]:
        return sorted(self.names[row.pk] for row in rows)


@pytest_asyncio.fixture
async def tree(make: Make, clock: Clock) -> Tree:
    """vendor > distributor > partner > (sub-partner > lowest), customer; beside is the partner's.

    The tables with secrets hold rows of everybody too.
    """
    root = await make.root()
    distributor = await make.company(root, CompanyKind.DISTRIBUTOR)
    partner = await make.partner(distributor)
    sub_partner = await make.partner(partner)
    lowest = await make.company(sub_partner)
    customer = await make.company(partner)
    beside = await make.company(partner)
    all_companies = (root, distributor, partner, sub_partner, lowest, customer, beside)
    tree = Tree(dict(zip(COMPANIES, all_companies, strict=True)), {}, {}, {})
    for name, company in tree.companies.items():
        await _furnish(tree, name, company, make, clock)
    for name in COMPANIES[1:]:
        token = await make.manage_token(tree.managers["vendor"], tree.companies[name])
        stay = await Session.get(company_id=tree.companies[name].id)
        assert await caller_of(token, clock()) is not None
        tree.names[stay.id] = name
    return tree


async def _furnish(tree: Tree, name: str, company: Company, make: Make, clock: Clock) -> None:
    manager = tree.managers[name] = await make.manager(company)
    learner = tree.learners[name] = await make.user(company)
    free, held = await make.licenses(company, 2)
    stay = await make.allocation(held, learner)
    notice = Notice(NotificationTemplate.ORDER_ASSIGNED, company, "Ready")
    mail = Notification.promise(notice, manager, actor_id=None, batch=new_id(), at=clock())
    event = AuditEvent(action="company.updated", at=clock(), company_id=company.id)
    event.path = company.path
    link = PasswordLink.make(manager, LinkPurpose.RESET, name, at=clock())
    tally = Tally(kind=TallyKind.DUPLICATES, subject=str(company.id), count=1, until=clock())
    key = IdempotencyKey(
        user_id=manager.id, key="1", mutation="m", input_hash="i", created_at=clock()
    )
    for row in (mail, event, link, tally, key):
        await row.save(force_create=True)
    await make.api_token(manager)
    token = await ApiToken.get(company_id=company.id)
    order = await Order.get(company_id=company.id)
    endpoint = await make.endpoint(company, manager)
    delivery = await make.delivery(endpoint)
    theirs = (company, free, order, mail, event, manager, token, endpoint, delivery)
    tree.names |= {row.pk: name for row in theirs}
    tree.names |= {row.pk: f"{name}'s learner" for row in (learner, held, stay)}


def everything_of(model: type[Model], companies: Sequence[str]) -> list[str]:
    learners = [f"{name}'s learner" for name in companies]
    match model.__name__:
        case "User" | "License":
            return sorted([*companies, *learners])
        case "Allocation":
            return sorted(learners)
        case "ApiToken":  # in manage mode alone are those of companies beneath seen
            return [*companies[:1]]
        case "Session":  # there is no entering the root
            return sorted(set(companies) - {"vendor"})
    return sorted(companies)


async def test_managers_see_their_company_and_those_beneath(tree: Tree, make: Make) -> None:
    sights = {
        "vendor": COMPANIES,
        "distributor": COMPANIES[1:],
        "partner": COMPANIES[2:],
        "sub-partner": ("sub-partner", "lowest"),
        "customer": ("customer",),
    }
    callers = {name: await make.caller(tree.managers[name]) for name in sights}

    for model in LISTED:
        seen = {name: await tree.seen(model, caller) for name, caller in callers.items()}
        assert seen == {name: everything_of(model, sight) for name, sight in sights.items()}


async def test_in_manage_mode_the_managed_company_and_those_beneath_are_seen(
    tree: Tree, make: Make, clock: Clock
) -> None:
    sights = {"sub-partner": ("sub-partner", "lowest"), "customer": ("customer",)}
    callers: dict[str, Caller | None] = {}
    for name in sights:
        token = await make.manage_token(tree.managers["partner"], tree.companies[name])
        caller = callers[name] = await caller_of(token, clock())
        assert caller is not None
        tree.names[caller.session_id] = "this stay"

    for model in LISTED:
        seen = {name: await tree.seen(model, caller) for name, caller in callers.items()}
        own = ["this stay"] if model is Session else []
        assert seen == {
            name: sorted(everything_of(model, sight) + own) for name, sight in sights.items()
        }


async def test_webhooks_are_seen_from_inside_their_company_alone(
    tree: Tree, make: Make, clock: Clock
) -> None:
    customer = tree.companies["customer"]
    callers = {
        "vendor": await make.caller(tree.managers["vendor"]),
        "partner": await make.caller(tree.managers["partner"]),
        "customer": await caller_of(
            await make.manage_token(tree.managers["partner"], customer), clock()
        ),
        "sub-partner": await make.caller(tree.managers["sub-partner"]),
    }

    for model in KEPT:
        seen = {name: await tree.seen(model, caller) for name, caller in callers.items()}
        assert seen == {name: [name] for name in callers}


async def test_webhooks_of_a_company_on_the_managed_plan_are_seen_by_its_partner_alone(
    tree: Tree, make: Make, clock: Clock
) -> None:
    customer = tree.companies["customer"]
    await Company.filter(id=customer.id).update(plan=CompanyPlan.MANAGED)
    managing = await make.manage_token(tree.managers["partner"], customer)

    for model in KEPT:
        assert await tree.seen(model, await make.caller(tree.managers["customer"])) == []
        assert await tree.seen(model, await caller_of(managing, clock())) == ["customer"]


@pytest.mark.parametrize("name", ["customer", "partner", "vendor"])
async def test_learners_see_their_company_themselves_their_license_and_stays(
    tree: Tree, make: Make, name: str
) -> None:
    caller = await make.caller(tree.learners[name])

    seen = {model.__name__: await tree.seen(model, caller) for model in (*LISTED, *KEPT)}

    theirs = [f"{name}'s learner"]
    assert seen == {
        "Company": [name],
        "User": theirs,
        "License": theirs,
        "Allocation": theirs,
        "Order": [],
        "AuditEvent": [],
        "Notification": [],
        "Session": [],
        "ApiToken": [],
        "WebhookEndpoint": [],
        "WebhookDelivery": [],
    }


async def test_a_manager_who_becomes_a_learner_sees_no_more_than_a_learner(
    tree: Tree, make: Make, clock: Clock
) -> None:
    token = await make.token(tree.managers["partner"])
    tree.managers["partner"].become(UserRole.LEARNER, at=clock())
    await tree.managers["partner"].save()

    caller = await caller_of(token, clock())

    assert await tree.seen(User, caller) == ["partner"]
    assert await tree.seen(Company, caller) == ["partner"]
    assert await tree.seen(License, caller) == []


async def test_nobody_sees_nothing(tree: Tree) -> None:
    for model in (*LISTED, *KEPT, *SECRET):
        assert await visible(model, None) == []
        assert await known(model, None) == []
    assert await nameable(None) == []


async def test_links_tallies_and_keys_are_seen_by_nobody(tree: Tree, make: Make) -> None:
    users = (tree.managers["vendor"], tree.managers["lowest"], tree.learners["lowest"])
    callers = [await make.caller(user) for user in users]

    for model in SECRET:
        assert [await visible(model, caller) for caller in callers] == [[], [], []]
        assert await model.all().count() == len(COMPANIES)


async def test_of_sessions_the_stays_in_manage_mode_alone_are_seen(tree: Tree, make: Make) -> None:
    caller = await make.caller(tree.managers["vendor"])

    stays = await visible(Session, caller)

    assert len(stays) == len(COMPANIES) - 1
    assert None not in {stay.company_id for stay in stays}
    assert await Session.filter(company_id__isnull=True).count() > 0


async def test_by_id_manage_mode_knows_oneself_and_one_s_company_besides(
    tree: Tree, make: Make, clock: Clock
) -> None:
    token = await make.manage_token(tree.managers["partner"], tree.companies["customer"])
    caller = await caller_of(token, clock())
    assert caller is not None
    tree.names[caller.session_id] = "this stay"

    assert await tree.known(Company, caller) == ["customer", "partner"]
    assert await tree.known(User, caller) == ["customer", "customer's learner", "partner"]
    for model in LISTED[2:]:
        assert await tree.known(model, caller) == await tree.seen(model, caller)
    assert not shows_all(caller, tree.companies["partner"])
    assert shows_all(caller, tree.companies["customer"])


async def test_outside_of_manage_mode_nothing_else_is_known_by_id(tree: Tree, make: Make) -> None:
    for user in (tree.managers["partner"], tree.managers["customer"], tree.learners["customer"]):
        caller = await make.caller(user)
        for model in LISTED:
            assert await tree.known(model, caller) == await tree.seen(model, caller)


async def test_people_in_sight_and_above_may_be_named_to_managers_and_to_learners_nobody(
    tree: Tree, make: Make, clock: Clock
) -> None:
    token = await make.manage_token(tree.managers["partner"], tree.companies["customer"])
    named = {
        "manager": await nameable(await make.caller(tree.managers["customer"])),
        "in manage mode": await nameable(await caller_of(token, clock())),
        "learner": await nameable(await make.caller(tree.learners["customer"])),
    }

    in_line = everything_of(User, ["vendor", "distributor", "partner", "customer"])
    assert {who: tree.called(people) for who, people in named.items()} == {
        "manager": in_line,
        "in manage mode": in_line,
        "learner": [],
    }


async def test_siblings_whose_labels_begin_alike_are_kept_apart_by_the_separator(
    make: Make,
) -> None:
    """Labels have one width, so that this cannot be; the separator alone would do."""
    root = await make.root()
    labels = ["abc", "abc0", "abcd", "ab", "abd", "abc-", "abc."]
    companies = {
        label: await make.partner(root, name=label, path=f"{root.path}{label}/") for label in labels
    }
    inner = await make.company(companies["abc"], name="inner")
    caller = await make.caller(await make.manager(companies["abc"]))

    seen = {company.name for company in await visible(Company, caller)}

    assert seen == {"abc", inner.name}


async def promised(
    to: User, company: Company, at: Clock, *, order: Order | None = None
) -> Notification:
    notice = Notice(NotificationTemplate.ORDER_CANCELLED, company, "Cancelled", order)
    mail = Notification.promise(notice, to, actor_id=None, batch=new_id(), at=at())
    await mail.save(force_create=True)
    return mail


async def mails_seen_by(user: User, make: Make) -> list[str]:
    mails = await visible(Notification, await make.caller(user))
    return sorted(mail.recipient for mail in mails)


async def test_a_mail_to_somebody_above_is_seen_where_they_are_the_account_manager(
    make: Make, clock: Clock
) -> None:
    partner = await make.partner()
    ann, bob = await make.manager(partner), await make.manager(partner)
    customer = await make.company(partner, account_manager_id=ann.id)
    manager = await make.manager(customer)
    for user in (ann, bob, manager):
        await promised(user, customer, clock)

    assert await mails_seen_by(manager, make) == sorted([ann.email, manager.email])
    assert await mails_seen_by(bob, make) == sorted([ann.email, bob.email, manager.email])


@pytest.mark.parametrize("act", ["requested", "assigned", "decided"])
async def test_a_mail_to_somebody_above_is_seen_where_they_acted_on_its_order(
    make: Make, clock: Clock, act: str
) -> None:
    partner = await make.partner()
    ann, bob = await make.manager(partner), await make.manager(partner)
    customer = await make.company(partner)
    manager = await make.manager(customer)
    acted_on, another = await make.order(customer), await make.order(customer)
    setattr(acted_on, f"{act}_by_id", ann.id)
    await acted_on.save()
    await promised(ann, customer, clock, order=acted_on)
    await promised(ann, customer, clock, order=another)
    await promised(bob, customer, clock, order=acted_on)

    mails = await visible(Notification, await make.caller(manager))

    assert [(mail.recipient, mail.order_id) for mail in mails] == [(ann.email, acted_on.id)]


async def test_in_manage_mode_one_sees_one_s_own_mails_but_not_a_colleague_s(
    make: Make, clock: Clock
) -> None:
    partner = await make.partner()
    ann, bob = await make.manager(partner), await make.manager(partner)
    customer = await make.company(partner)
    for user in (ann, bob):
        await promised(user, customer, clock)
    await promised(ann, partner, clock)

    caller = await caller_of(await make.manage_token(ann, customer), clock())

    mails = await visible(Notification, caller)
    assert [(mail.recipient, mail.company_id) for mail in mails] == [(ann.email, customer.id)]
