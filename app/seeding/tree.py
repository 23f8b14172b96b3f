"""A made-up tree: one vendor, distributors, partners and sub-partners, customers of all sizes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

from app.seeding.chance import CHANNEL, TRADES, Chance, shares
from models.companies import Company, CompanyKind
from models.licenses import NFR_GRANT
from models.users import User, managing_role

FEWEST: Final = 10
"""Companies: with less there is no tree."""
TO_A_DISTRIBUTOR: Final = 2_500
TO_A_PARTNER: Final = 30
SUB_PARTNERS: Final = 0.15
CUSTOMERS_EACH: Final = 10
"""Of every partner, where there are as many; the rest go to few."""
LARGEST: Final = 150
"""How much larger than the smallest customers the largest are."""


@dataclass(frozen=True)
class Size:
    companies: int
    learners: int
    licenses: int


@dataclass
class Place:
    """A company, who runs it, and how large it is."""

    company: Company
    domain: str
    keeper: User | None
    """Its account manager, of the company above."""
    managers: list[User] = field(default_factory=list)
    learners: int = 0
    licenses: int = 0

    @property
    def is_customer(self) -> bool:
        return self.company.kind is CompanyKind.CUSTOMER

    @property
    def boss(self) -> User:
        """Who acts from above."""
        return self.keeper or self.managers[0]


def grow(chance: Chance, size: Size) -> list[Place]:
    """The whole tree, parents before children."""
    vendor = _vendor(chance)
    distributors = list(
        _distributors(chance, vendor, max(1, round(size.companies / TO_A_DISTRIBUTOR)))
    )
    partners = list(_partners(chance, distributors, max(1, size.companies // TO_A_PARTNER)))
    left = size.companies - 1 - len(distributors) - len(partners)
    customers = list(_customers(chance, partners, left))
    everybody = [vendor, *distributors, *partners, *customers]
    _fill(chance, everybody, size)
    return everybody


def _vendor(chance: Chance) -> Place:
    born = chance.days_ago(2_000, 1_900)
    place = Place(Company.root("Brightwater Awareness", at=born), "brightwater.example", None)
    place.company.path = chance.label() + "/"
    return _staffed(chance, place, 3)


def _distributors(chance: Chance, vendor: Place, number: int) -> Iterator[Place]:
    for _ in range(number):
        born = chance.days_ago(1_800, 1_600)
        yield _staffed(chance, _under(chance, vendor, CompanyKind.DISTRIBUTOR, born), 3)


def _partners(chance: Chance, distributors: Sequence[Place], number: int) -> Iterator[Place]:
    """Most of them beneath a few distributors, the last ones beneath the first ones."""
    beneath = int(number * SUB_PARTNERS)
    weights = [1 / place for place in range(1, len(distributors) + 1)]
    made: list[Place] = []
    for above, count in zip(distributors, shares(number - beneath, weights), strict=True):
        for _ in range(count):
            born = chance.days_ago(1_500, 1_200)
            made.append(_under(chance, above, CompanyKind.PARTNER, born))
            yield _staffed(chance, made[-1], 1 + chance.below(3))
    for _ in range(beneath):
        above = made[int(len(made) * chance.share() ** 2)]
        born = chance.days_ago(1_100, 900)
        yield _staffed(
            chance, _under(chance, above, CompanyKind.PARTNER, born), 1 + chance.below(2)
        )


def _customers(chance: Chance, partners: Sequence[Place], number: int) -> Iterator[Place]:
    each = min(CUSTOMERS_EACH, number // len(partners))
    weights = [1 / place for place in range(1, len(partners) + 1)]
    more = shares(number - each * len(partners), weights)
    for above, count in zip(partners, more, strict=True):
        for _ in range(each + count):
            place = _under(chance, above, CompanyKind.CUSTOMER, chance.days_ago(730))
            yield _staffed(chance, place, 1 + chance.below(2))


def _under(chance: Chance, above: Place, kind: CompanyKind, born: datetime) -> Place:
    firm = chance.firm(TRADES if kind is CompanyKind.CUSTOMER else CHANNEL)
    company = Company.under(above.company, kind, firm.name, at=born)
    company.path = f"{above.company.path}{chance.label()}/"
    company.industry, company.country, company.language = firm[2:]
    place = Place(company, firm.domain, chance.one_of(above.managers))
    company.account_manager_id = place.boss.id
    return place


def _staffed(chance: Chance, place: Place, number: int) -> Place:
    """With its id, and so many managers."""
    company = place.company
    born = company.created_at
    company.id, *ids = islice(chance.ids(born), 1 + number)
    for count, id in enumerate(ids):
        given, family, email = chance.person(place.domain, count)
        person = {"email": email, "first_name": given, "last_name": family}
        manager = User.join(company, person, at=born, role=managing_role(company.kind))
        manager.id = id
        manager.last_sign_in_at = max(born, chance.days_ago(30))
        place.managers.append(manager)
    return place


def _fill(chance: Chance, everybody: Sequence[Place], size: Size) -> None:
    """Say how many learners and licenses are where: most with few large customers."""
    channel = [place for place in everybody[1:] if not place.is_customer]
    if NFR_GRANT * len(channel) <= size.licenses // 2:
        for place in channel:
            place.licenses = NFR_GRANT
    weights = [min(chance.skewed(1.1), LARGEST) if p.is_customer else 0.0 for p in everybody]
    left = size.licenses - sum(place.licenses for place in channel)
    for place, count in zip(everybody, shares(left, weights), strict=True):
        place.licenses += count
    weights = [weight or 0.2 for weight in weights]
    for place, count in zip(everybody, shares(size.learners, weights), strict=True):
        place.learners = count
        place.company.employee_count = len(place.managers) + count + chance.below(2 + count // 4)
