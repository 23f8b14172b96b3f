"""A partner, what is beneath it and beside it, and a year of what happens there: few rows, but of
all kinds, with words that differ by case, by accents and by what means something in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Final

from models.companies import Company, CompanyKind
from models.licenses import License, LicenseType
from models.outbox import Notification, NotificationStatus
from models.users import User
from models.webhooks import WebhookDeliveryStatus
from resolvers.companies import archive_company, move_company
from resolvers.daily import run
from resolvers.licenses import (
    Learners,
    Wanted,
    allocate_licenses,
    reallocate_license,
    release_licenses,
)
from resolvers.orders import (
    assign_order,
    cancel_order,
    decline_order,
    request_licenses,
    return_order,
    upgrade_trial,
)
from resolvers.users import remove_users
from tests.conftest import Clock
from tests.factories import Make
from tests.scene import Do

FIRST: Final = ["Ann", "ANN", "Äse", "äse", "Zoë", "_x", "%", "", "Жук"]
LAST: Final = ["Öst", "o\\k", "", "Lee", "LEE", "'"]
DEPARTMENTS: Final = ["Vertrieb", "VERTRIEB", "Süd", "süd_1", "süd%1", None]
PURCHASES: Final = ["PO-1", "po-1", "PO_1", "100%", None]
COUNTRIES: Final = ["DE", "FR", None]
EXTERNAL: Final = ["k-1", "K-1", "k_2", None]


@dataclass(frozen=True)
class Street:
    """Pam looks after the partner, and so after what is beneath it."""

    partner: Company
    pam: User


async def filled(make: Make, clock: Clock) -> Street:
    """A year of a partner with a partner and customers beneath it, and of another one beside it."""
    do = Do(clock)
    vendor = await make.root()
    vic = await make.manager(vendor, email="vic@vendor.example", first_name="Vic")
    partner = await make.partner(vendor, name="Partner", account_manager_id=vic.id)
    pam = await make.manager(partner, email="pam@partner.example", first_name="Pam")
    beneath = await make.partner(partner, name="partner", account_manager_id=pam.id)
    sue = await make.manager(beneath, email="SUE@partner.example", first_name="Süe")
    beside = await make.partner(vendor, name="PARTNER", account_manager_id=vic.id)
    bob = await make.manager(beside, email="bob@beside.example", first_name="Bob")
    clock.move(days=1)
    hangs = [(partner, pam), (beneath, sue), (beside, bob), (partner, vic), (beside, bob)]
    for (parent, manager), name, country, known_as in zip(
        hangs,
        ("Äpfel", "äpfel_1", "Zoë 100%", "Gone", "äpfel beside"),
        cycle(COUNTRIES),
        cycle(EXTERNAL),
        strict=False,
    ):
        customer = await make.company(
            parent,
            name=name,
            country=country,
            external_id=known_as,
            account_manager_id=manager.id,
        )
        await _year(make, do, clock, customer, manager)
    await archive_gone(do, pam)
    moved = await Company.get(name="Zoë 100%")
    await do(vic, move_company, moved.id, partner.id)  # with orders of those whom Pam never knew
    clock.move(days=100)
    await run(clock)
    await _integrations(make, clock, pam)
    await _integrations(make, clock, bob)
    await make.licenses(moved, 1, LicenseType.TRIAL)  # ends in 30 days to the microsecond
    await Notification.filter(template="ORDER_REQUESTED").update(
        status=NotificationStatus.SENT, sent_at=clock()
    )
    return Street(partner, pam)


async def archive_gone(do: Do, pam: User) -> None:
    gone = await Company.get(name="Gone")
    await do(pam, archive_company, gone.id)


async def _year(make: Make, do: Do, clock: Clock, customer: Company, above: User) -> None:
    """Of a customer: orders of every fate, and licenses that go from hand to hand."""
    cora = await make.manager(customer, first_name="Cora")
    people = await _people(make, clock, customer)
    kinds = cycle((LicenseType.PREMIUM, LicenseType.MANAGED))
    orders = [
        (await do(who, request_licenses, customer.id, kind, quantity, purchase)).order_id
        for who, kind, quantity, purchase in zip(
            cycle((cora, above)), kinds, (4, 3, 2, 2, 1, 5), cycle(PURCHASES), strict=False
        )
    ]
    await make.licenses(customer, 2, LicenseType.TRIAL)
    await do(above, allocate_licenses, customer.id, Learners([people[0].id]), Wanted())
    clock.move(days=20)
    managing = await do.managing(above, customer)
    inside, partly, declined, cancelled, returned, _ = orders
    await do(above, assign_order, inside)
    await do(above, assign_order, partly, 1)
    await do(above, decline_order, declined, "No.")
    await do(managing, cancel_order, cancelled)
    await do(above, assign_order, returned)
    await do(above, return_order, returned, "Wrong.")
    upgrade = await do(above, upgrade_trial, customer.id, LicenseType.PREMIUM, 1)
    await do(above, assign_order, upgrade)
    clock.move(days=330)
    from_first = Wanted(order_id=inside)
    await do(managing, allocate_licenses, customer.id, _ids(people[1:5]), from_first)
    first, second, third, _ = await License.filter(order_id=inside).order_by("id")
    await do(above, release_licenses, [first.id])
    await do(above, reallocate_license, second.id, people[6].id)
    await do(above, remove_users, [third.holder_id])
    late = await do(above, request_licenses, customer.id, LicenseType.PREMIUM, 2)
    clock.move(days=20)
    await do(above, assign_order, late.order_id)
    await do(above, allocate_licenses, customer.id, _ids(people[7:8]), Wanted())
    await make.order(customer, 6, number=f"ORD-{customer.label[:6]}%_", note="n")


async def _people(make: Make, clock: Clock, customer: Company) -> list[User]:
    """Some have signed in, and some of them at once."""
    people = [
        await make.user(
            customer,
            email=f"{'aAbB_%'[number % 6]}{number}@{customer.label[:-1]}.example",
            first_name=first,
            last_name=last,
            department=department,
            external_id=known_as and f"{known_as}{number}",
            password_hash="none" if number % 2 else None,
            last_sign_in_at=clock() if number % 3 else None,
        )
        for number, (first, last, department, known_as) in enumerate(
            zip(FIRST, cycle(LAST), cycle(DEPARTMENTS), cycle(EXTERNAL), strict=False)
        )
    ]
    clock.move(hours=1)
    return people


async def _integrations(make: Make, clock: Clock, manager: User) -> None:
    """Tokens and webhooks of a partner, and of a customer of it; of two made at once, too."""
    own = await Company.get(id=manager.company_id)
    customer = await Company.filter(parent_id=own.id, kind=CompanyKind.CUSTOMER).first()
    for company in (own, own, own, customer):
        assert company is not None
        await make.api_token(manager, company=company)
        endpoint = await make.endpoint(company, manager)
        for number in range(3):
            clock.move(minutes=number % 2)
            await make.delivery(
                endpoint, status=WebhookDeliveryStatus.FAILED if number else "QUEUED"
            )


def _ids(people: Sequence[User]) -> Learners:
    return Learners([user.id for user in people])
