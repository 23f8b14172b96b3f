"""A small made-up tree of companies, grown by the real operations at instants of the past."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from models.access import Caller, caller_of, visible
from models.companies import CompanyKind
from models.licenses import License, LicenseType
from models.outbox import Notification
from resolvers.companies import Created, FirstOrder, create_company, create_vendor
from resolvers.licenses import ShortagePolicy, Wanted, reallocate_license
from resolvers.orders import (
    assign_order,
    cancel_order,
    decline_order,
    request_licenses,
    return_order,
)
from resolvers.passwords import hash_password
from resolvers.people import Person
from resolvers.performing import perform
from resolvers.sessions import (
    check_password,
    enter_manage_mode,
    exit_manage_mode,
    request_password_reset,
    set_password,
    sign_in,
    sign_out,
)
from resolvers.users import add_users, remove_users
from resolvers.work import Work

PASSWORD: Final = "canopy-demo-password"  # noqa: S105 - for show
GIVEN: Final = (
    *("Ana", "Ben", "Chloe", "Dev", "Ella", "Farid", "Gwen", "Hugo"),
    *("Ines", "Jan", "Kira", "Leo", "Maya", "Noah", "Olga", "Pablo"),
)
FAMILY: Final = (
    *("Adler", "Brandt", "Costa", "Dubois", "Egger", "Fischer"),
    *("Garcia", "Horvat", "Ito", "Jansen", "Kaya"),
)
DEPARTMENTS: Final = ("Sales", "Finance", "Operations", "IT", "Human Resources")
PREMIUM: Final = LicenseType.PREMIUM

VERA, DARIO, PAULA = "vera@brightwater.example", "dario@meridian.example", "paula@polaris.example"
HANA, NILS, QUIN = "hana@harbor.example", "nils@harbor-nord.example", "quin@quill.example"
FREYA, MIA, IVAN = "freya@fjord.example", "mia@birch.example", "ivan@ivy.example"
CARL, GRETA, JONAS = "carl@cedar.example", "greta@glade.example", "jonas@juniper.example"
DORA, ELI, GWEN = "dora@dune.example", "eli@elm.example", "gwen.jansen@birch.example"


LOGINS: Final = {
    VERA: "vendor Brightwater Awareness",
    DARIO: "distributor Meridian Distribution",
    PAULA: "distributor Polaris Channel",
    HANA: "partner Harbor IT",
    QUIN: "partner Quill Systems",
    NILS: "sub-partner Harbor Nord",
    MIA: "customer Birch Logistics: PREMIUM, expiring soon, a renewal waits",
    CARL: "customer Cedar Clinic: MANAGED, run by Harbor IT",
    DORA: "customer Dune Architects: TRIAL",
    ELI: "customer Elm Foods: its first order waits",
    FREYA: "customer Fjord Energy: expired",
    GRETA: "customer Glade School: an order assigned in part",
    IVAN: "customer Ivy Insurance: PREMIUM, an order returned",
    JONAS: "customer Juniper Hotels: its TRIAL has ended",
    GWEN: "learner of Birch Logistics",
}
"""Who may sign in, and as what."""


class Past:
    """A clock that stands where it was put, days before today."""

    def __init__(self, today: datetime) -> None:
        self._today = self._now = today

    def __call__(self) -> datetime:
        return self._now

    def go_to(self, days_ago: float) -> None:
        self._now = self._today - timedelta(days=days_ago)


class Story:
    """Does what people did then."""

    def __init__(self, clock: Past, send_mail: Callable[[], Awaitable[object]]) -> None:
        self._clock = clock
        self._send_mail = send_mail

    async def go_to(self, days_ago: float) -> None:
        """Later than before; what was promised until then leaves first."""
        await self._send_mail()
        self._clock.go_to(days_ago)

    async def vendor(self, name: str, person: Person) -> None:
        done = await perform(None, self._clock, create_vendor, name, person)
        _, token = done.result
        await self._set_password(token)

    async def company(
        self,
        by: str,
        kind: CompanyKind,
        name: str,
        manager: Person,
        order: FirstOrder | None = None,
    ) -> UUID:
        """A company beneath that of `by`; its manager follows the link in the mail."""
        made: Created = await self.does(
            by, create_company, None, kind, name, {"language": "en"}, None, manager, order
        )
        await self._follow_link(manager.email)
        return made.company_id

    async def customer(
        self, by: str, name: str, manager: Person, order: FirstOrder | None = None
    ) -> UUID:
        return await self.company(by, CompanyKind.CUSTOMER, name, manager, order)

    async def learners(self, by: str, domain: str, number: int) -> None:
        """They get a license while the pool lasts."""
        wanted = Wanted(on_shortage=ShortagePolicy.PARTIAL)
        await self.does(by, add_users, None, some_people(domain, number), wanted)

    async def forgets_password(self, email: str) -> None:
        """Or never had one: asks for a link, and follows it."""
        await perform(None, self._clock, request_password_reset, email)
        await self._follow_link(email)

    async def does(self, who: str, operation: Callable[..., Awaitable[Any]], *told: Any) -> Any:
        """Sign in, do it, sign out."""
        caller = await self._signed_in(who)
        done = await perform(caller, self._clock, operation, *told)
        await perform(caller, self._clock, sign_out)
        return done.result

    async def does_for(
        self, who: str, company_id: UUID, operation: Callable[..., Awaitable[Any]], *told: Any
    ) -> Any:
        """The same in manage mode of a company beneath."""
        caller = await self._signed_in(who)
        entered = await perform(
            caller, self._clock, enter_manage_mode, company_id, "Asked by phone"
        )
        managing = await caller_of(entered.result.token, self._clock())
        done = await perform(managing, self._clock, operation, *told)
        await perform(managing, self._clock, exit_manage_mode)
        await perform(caller, self._clock, sign_out)
        return done.result

    async def _follow_link(self, email: str) -> None:
        """That of the mail that is to be sent."""
        mail = await Notification.get(recipient=email, token__isnull=False)
        assert mail.token is not None
        await self._send_mail()
        await self._set_password(mail.token)

    async def _set_password(self, token: str) -> None:
        await perform(None, self._clock, set_password, token, await hash_password(PASSWORD))

    async def _signed_in(self, email: str) -> Caller:
        user, password_hash = await check_password(email, PASSWORD, self._clock)
        done = await perform(None, self._clock, sign_in, user.id, password_hash, None)
        caller = await caller_of(done.result.token, self._clock())
        assert caller is not None
        return caller


def some_people(domain: str, number: int) -> list[Person]:
    """The same for the same domain; up to as many as there are pairs of names."""
    start = sum(map(ord, domain))
    return [_person(domain, place) for place in range(start, start + number)]


def _person(domain: str, place: int) -> Person:
    given, family = GIVEN[place % len(GIVEN)], FAMILY[place % len(FAMILY)]
    department = DEPARTMENTS[place % len(DEPARTMENTS)]
    return Person(f"{given}.{family}@{domain}".lower(), given, family, department)


async def fill(clock: Past, send_mail: Callable[[], Awaitable[object]]) -> None:
    """The whole tree, in a database that is empty; mail is sent whenever time goes on."""
    story = Story(clock, send_mail)
    for chapter in (_channel, _first_customers, _later_customers, _this_month, _this_week):
        await chapter(story)


async def _channel(story: Story) -> None:
    """The vendor, two distributors, a partner of each, and a sub-partner."""
    await story.go_to(430)
    await story.vendor("Brightwater Awareness", Person(VERA, "Vera", "Lind"))
    await story.company(
        VERA, CompanyKind.DISTRIBUTOR, "Meridian Distribution", Person(DARIO, "Dario", "Conti")
    )
    await story.company(
        VERA, CompanyKind.DISTRIBUTOR, "Polaris Channel", Person(PAULA, "Paula", "Novak")
    )
    await story.go_to(425)
    await story.company(DARIO, CompanyKind.PARTNER, "Harbor IT", Person(HANA, "Hana", "Okada"))
    await story.company(PAULA, CompanyKind.PARTNER, "Quill Systems", Person(QUIN, "Quin", "Doyle"))
    await story.company(HANA, CompanyKind.PARTNER, "Harbor Nord", Person(NILS, "Nils", "Berg"))
    await story.learners(HANA, "harbor.example", 3)


async def _first_customers(story: Story) -> None:
    """Fjord, whose licenses have expired since; Birch, whose licenses will soon; and a learner of
    Birch, who may sign in."""
    await story.go_to(400)
    await story.customer(
        NILS, "Fjord Energy", Person(FREYA, "Freya", "Holm"), FirstOrder(PREMIUM, 8, "FE-2041")
    )
    await story.learners(FREYA, "fjord.example", 8)
    await story.go_to(345)
    await story.customer(
        HANA, "Birch Logistics", Person(MIA, "Mia", "Torres"), FirstOrder(PREMIUM, 25, "4500017")
    )
    await story.learners(MIA, "birch.example", 18)
    await story.forgets_password(GWEN)


async def _later_customers(story: Story) -> None:
    """Ivy, on PREMIUM; Cedar, run by its partner; Glade, which got a part of what it asked for;
    Juniper, whose trial has ended."""
    await story.go_to(200)
    await story.customer(
        QUIN, "Ivy Insurance", Person(IVAN, "Ivan", "Marsh"), FirstOrder(PREMIUM, 30, "PO 88-310")
    )
    await story.learners(IVAN, "ivy.example", 24)
    await story.go_to(120)
    cedar = await story.customer(
        HANA, "Cedar Clinic", Person(CARL, "Carl", "Weiss"), FirstOrder(LicenseType.MANAGED, 12)
    )
    await story.does_for(HANA, cedar, add_users, None, some_people("cedar.example", 9), Wanted())
    await story.go_to(60)
    await story.customer(NILS, "Glade School", Person(GRETA, "Greta", "Lund"))
    asked = await story.does(GRETA, request_licenses, None, PREMIUM, 40, "GS-7", "For all staff")
    await story.go_to(58)
    await story.does(NILS, assign_order, asked.order_id, 15)
    await story.learners(GRETA, "glade.example", 12)
    await story.go_to(36)
    await story.customer(
        QUIN, "Juniper Hotels", Person(JONAS, "Jonas", "Pohl"), FirstOrder(LicenseType.TRIAL, 10)
    )
    await story.learners(JONAS, "juniper.example", 7)


async def _this_month(story: Story) -> None:
    """An order declined, one cancelled, one returned; a leaver; and Dune begins a trial."""
    await story.go_to(30)
    asked = await story.does(FREYA, request_licenses, None, PREMIUM, 200, "FE-2102")
    await story.go_to(29)
    await story.does(NILS, decline_order, asked.order_id, "200 is beyond your frame contract: 50.")
    await story.go_to(25)
    await story.does(MIA, _one_leaves)
    await story.go_to(20)
    asked = await story.does(IVAN, request_licenses, None, PREMIUM, 10, "PO 88-977")
    await story.does(IVAN, cancel_order, asked.order_id, "Asked twice by mistake.")
    await story.go_to(12)
    asked = await story.does(IVAN, request_licenses, None, PREMIUM, 5, "PO 88-981")
    await story.does(QUIN, assign_order, asked.order_id)
    await story.go_to(11)
    await story.does(QUIN, return_order, asked.order_id, "The branch was sold.")
    await story.go_to(10)
    await story.customer(
        HANA, "Dune Architects", Person(DORA, "Dora", "Salem"), FirstOrder(LicenseType.TRIAL, 10)
    )
    await story.learners(DORA, "dune.example", 6)


async def _this_week(story: Story) -> None:
    """Two orders that wait: Birch wants to renew, and Elm to begin."""
    await story.go_to(3)
    await story.does(
        MIA, request_licenses, None, PREMIUM, 25, "4500488", "Before the old ones run out, please."
    )
    await story.go_to(2)
    await story.customer(HANA, "Elm Foods", Person(ELI, "Eli", "Roth"))
    await story.learners(ELI, "elm.example", 5)
    await story.go_to(1)
    await story.does(ELI, request_licenses, None, PREMIUM, 15, "EF-1", "For the office in Ghent")
    await story.go_to(0)


async def _one_leaves(work: Work) -> UUID:
    """The license of one who leaves goes to a colleague who has none."""
    held = visible(License, work.caller).filter(holder_id__isnull=False).order_by("id")
    license = await held.first()
    assert license is not None
    [stays] = (await add_users(work, None, some_people("birch.example", 19)[18:], None)).users
    assert license.holder_id is not None
    leaver = license.holder_id
    await reallocate_license(work, license.id, stays)
    await remove_users(work, [leaver])
    return leaver
