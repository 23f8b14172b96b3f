"""The daily jobs: each notice on its day and once, whatever happened in between."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from models.audit import AuditEvent, IdempotencyKey
from models.chores import Chore
from models.companies import Company
from models.licenses import Allocation, License, LicenseType, ReleaseReason
from models.orders import Order, OrderStatus
from models.outbox import Notification, NotificationTemplate
from models.sessions import LinkPurpose, PasswordLink, Session, Tally, TallyKind
from models.users import User
from resolvers.companies import archive_company, restore_company
from resolvers.daily import round_if_due, run
from resolvers.orders import assign_order, return_order, upgrade_trial
from tests.conftest import Clock
from tests.factories import Make
from tests.invariants import breaches
from tests.scene import Do, Scene
from tests.snapshots import mails
from tests.statements import statements
from tests.stepping import Cut, cut_short

YEAR: Final = datetime(2027, 3, 2, 9, 30, tzinfo=UTC)
"""When a premium license of the clock's first day runs out."""


async def new_mails() -> list[tuple[str, str]]:
    """Those promised since it was asked the last time: template and name."""
    found = await Notification.filter(sent_at=None).order_by("id")
    await Notification.filter(id__in=[mail.id for mail in found]).delete()
    return sorted((str(mail.template), mail.recipient.partition("@")[0]) for mail in found)


def each(template: str, *names: str) -> list[tuple[str, str]]:
    return sorted((template, name) for name in names)


async def test_an_expiry_is_told_30_days_and_72_hours_before_and_when_it_happens(
    scene: Scene, make: Make, clock: Clock
) -> None:
    held, *_ = await make.licenses(scene.customer, 3)
    await make.allocation(held, await make.user(scene.customer))
    told: dict[timedelta, list[tuple[str, str]]] = {}
    for days, seconds in ((31, 0), (30, -1), (30, 0), (29, 0), (3, -1), (3, 0), (1, 0), (0, -1)):
        clock.now = YEAR - timedelta(days=days) + timedelta(seconds=seconds)
        await run(clock)
        told[YEAR - clock.now] = await new_mails()
    clock.now = YEAR
    await run(clock)

    assert {before: mails for before, mails in told.items() if mails} == {
        timedelta(days=30): each("LICENSES_EXPIRING", "pam", "cora", "carl"),
        timedelta(days=3): each("LICENSES_EXPIRING", "pam", "cora", "carl"),
    }
    mail = await Notification.filter(user_id=scene.cora.id).get()
    assert (mail.template, mail.subject) == (
        NotificationTemplate.LICENSES_EXPIRED,
        "3 premium licenses of Customer expired on 2 March 2027",
    )
    assert mail.facts == {
        "quantity": 3,
        "licenseType": "PREMIUM",
        "allocated": 1,
        "day": "2027-03-02",
        "later": 0,
        "lastAt": "2027-03-02T09:30:00+00:00",
    }
    assert mail.key == f"LICENSES_EXPIRED:{scene.customer.id}:2027-03-02:0:{scene.cora.id}"
    assert await new_mails() == each("LICENSES_EXPIRED", "pam", "cora", "carl")
    await run(clock)
    assert await new_mails() == []


async def test_a_trial_is_told_72_hours_before_and_at_its_end_and_never_at_its_beginning(
    scene: Scene, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 5, LicenseType.TRIAL)
    told = []
    for _ in range(32):
        await run(clock)
        told.append(await new_mails())
        clock.move(days=1)

    assert {day: mails for day, mails in enumerate(told) if mails} == {
        27: each("TRIAL_EXPIRING", "pam", "cora", "carl"),
        30: each("TRIAL_EXPIRED", "pam", "cora", "carl"),
    }


async def test_licenses_of_one_day_are_told_in_one_mail_and_other_days_in_their_own(
    scene: Scene, make: Make, clock: Clock
) -> None:
    """A day is one of UTC: the last second of it belongs, the next does not."""
    for at, number in (
        (YEAR.replace(hour=0, minute=0), 1),
        (YEAR.replace(hour=23, minute=59, second=59, microsecond=999_999), 2),
        (YEAR.replace(day=3, hour=0, minute=0), 4),
    ):
        await make.licenses(scene.customer, number, at=at.replace(year=2026))
    await make.licenses(
        scene.customer, 8, LicenseType.MANAGED, at=clock.now.replace(hour=12, minute=0)
    )
    clock.now = YEAR.replace(hour=1)

    await run(clock)

    cora = await Notification.filter(user_id=scene.cora.id).order_by("subject")
    assert [(mail.template, mail.subject, mail.facts["later"]) for mail in cora] == [
        ("LICENSES_EXPIRED", "11 licenses of Customer expired on 2 March 2027", 10),
        ("LICENSES_EXPIRING", "4 premium licenses of Customer expire on 3 March 2027", 4),
    ]
    clock.move(hours=22)
    await run(clock)
    assert len(await mails()) == 6


async def test_after_an_outage_each_expiry_is_told_once_by_what_it_has_come_to(
    scene: Scene, make: Make, clock: Clock
) -> None:
    for days in (1, 2, 4, 31):  # ago, when the worker comes back
        await make.licenses(scene.customer, days, at=clock.now - timedelta(days=days))
    for ahead in (2, 28, 29):
        await make.licenses(scene.customer, 100 + ahead, at=clock.now + timedelta(days=ahead))
    clock.now = YEAR

    await run(clock)

    cora = await Notification.filter(user_id=scene.cora.id).order_by("id")
    assert sorted((str(mail.template), mail.facts["day"]) for mail in cora) == [
        ("LICENSES_EXPIRED", "2027-02-26"),
        ("LICENSES_EXPIRED", "2027-02-28"),
        ("LICENSES_EXPIRED", "2027-03-01"),
        ("LICENSES_EXPIRING", "2027-03-04"),
        ("LICENSES_EXPIRING", "2027-03-30"),
        ("LICENSES_EXPIRING", "2027-03-31"),
    ]
    keys = {mail.key: mail for mail in cora}
    assert {key.split(":")[3] for key in keys if key and "-03-04" in key} == {"72h"}
    assert len(keys) == 6


async def test_two_at_once_mail_each_recipient_once(scene: Scene, make: Make, clock: Clock) -> None:
    for _ in range(3):
        company = await make.company(scene.partner, licenses=2, account_manager_id=scene.pam.id)
        await make.manager(company)
    await make.licenses(scene.customer, 2)
    await make.order(scene.customer, requested_at=YEAR - timedelta(days=7))
    clock.now = YEAR

    await asyncio.gather(*(run(clock) for _ in range(4)))

    promised = await Notification.all()
    assert len(promised) == len({mail.key for mail in promised}) == 3 * 2 + 3 + 2
    assert await AuditEvent.filter(action="license.expired").count() == 4


async def test_who_becomes_a_manager_later_is_not_told_what_was_told(
    scene: Scene, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 2)
    clock.now = YEAR - timedelta(days=30)
    await run(clock)
    await new_mails()
    await make.manager(scene.customer, email="new@example.com")

    await run(clock)

    assert await new_mails() == []
    clock.now = YEAR - timedelta(days=3)
    await run(clock)
    assert await new_mails() == each("LICENSES_EXPIRING", "pam", "cora", "carl", "new")


async def test_void_and_nfr_licenses_are_not_told_of(
    scene: Scene, make: Make, clock: Clock, do: Do
) -> None:
    await make.licenses(scene.partner, 10, LicenseType.NFR)
    order = await make.order(scene.customer)
    await do(scene.pam, assign_order, order.id)
    clock.move(days=1)
    await do(scene.pam, return_order, order.id, "Too many")
    await new_mails()
    clock.now = YEAR

    await run(clock)

    assert await new_mails() == []
    assert await AuditEvent.filter(action="license.expired").count() == 0


async def test_muted_templates_are_not_sent(scene: Scene, make: Make, clock: Clock) -> None:
    await make.licenses(scene.customer, 2)
    muted = [NotificationTemplate.LICENSES_EXPIRED]
    await User.filter(id__in=[scene.cora.id, scene.pam.id]).update(muted_templates=muted)
    clock.now = YEAR

    await run(clock)

    assert await new_mails() == each("LICENSES_EXPIRED", "carl")


async def test_who_looks_after_nobody_is_stood_in_for_by_those_above(
    scene: Scene, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 2)
    other = await make.company(await make.partner(scene.partner), licenses=2)
    await Company.filter(id=scene.customer.id).update(account_manager_id=None)
    clock.now = YEAR

    await run(clock)

    told = await Notification.filter(company_id=other.id)
    assert sorted(mail.recipient for mail in told) == ["pam@example.com", "paul@example.com"]
    await Notification.filter(company_id=other.id).delete()
    assert await new_mails() == each("LICENSES_EXPIRED", "pam", "paul", "cora", "carl")


async def test_an_archived_company_is_told_nothing_until_it_is_restored(
    scene: Scene, make: Make, clock: Clock, do: Do
) -> None:
    license, *_ = await make.licenses(scene.customer, 2)
    await make.allocation(license, await make.user(scene.customer))
    await make.order(scene.customer, requested_at=YEAR - timedelta(days=7))
    await do(scene.pam, archive_company, scene.customer.id)
    clock.now = YEAR

    await run(clock)

    assert await new_mails() == []
    assert (await Allocation.get()).released_at == YEAR
    await do(scene.pam, restore_company, scene.customer.id)
    await run(clock)
    assert await new_mails() == [
        *each("LICENSES_EXPIRED", "pam", "cora", "carl"),
        *each("ORDER_WAITING", "pam", "vic"),
    ]


async def test_stays_end_at_the_instant_of_expiry_whenever_the_job_runs(
    scene: Scene, make: Make, clock: Clock
) -> None:
    ann, bob = await make.learners(scene.customer, 2)
    first, second, _ = await make.licenses(scene.customer, 3)
    await make.allocation(first, ann)
    [later] = await make.licenses(scene.customer, 1, at=clock.now + timedelta(seconds=1))
    clock.move(seconds=1)
    await make.allocation(later, bob)
    before = await License.all().order_by("id").values()
    clock.now = YEAR
    await run(clock)
    assert [stay.released_at for stay in await Allocation.all().order_by("id")] == [YEAR, None]

    clock.now = YEAR + timedelta(days=40)
    await run(clock)

    stays = await Allocation.all().order_by("id")
    assert [(stay.released_at, stay.release_reason) for stay in stays] == [
        (YEAR, ReleaseReason.EXPIRED),
        (YEAR + timedelta(seconds=1), ReleaseReason.EXPIRED),
    ]
    assert await License.all().order_by("id").values() == before
    events = await AuditEvent.filter(action="license.expired").order_by("at")
    assert [(event.at, event.count, event.company_id, event.facts) for event in events] == [
        (YEAR, 3, scene.customer.id, {"expiresAt": YEAR.isoformat()}),
        (
            clock.now,
            1,
            scene.customer.id,
            {"expiresAt": (YEAR + timedelta(seconds=1)).isoformat()},
        ),
    ]
    assert {event.path for event in events} == {scene.customer.path}
    assert second.holder_id is None
    assert await breaches(clock.now) == {}


async def test_a_trial_that_was_upgraded_is_not_told_to_have_expired(
    scene: Scene, make: Make, clock: Clock, do: Do
) -> None:
    [license] = await make.licenses(scene.customer, 1, LicenseType.TRIAL)
    await make.allocation(license, await make.user(scene.customer))
    order_id = await do(scene.cora, upgrade_trial, None, LicenseType.PREMIUM)
    clock.move(days=5)
    await do(scene.pam, assign_order, order_id)
    await new_mails()

    for _ in range(31):
        await run(clock)
        clock.move(days=1)

    assert await new_mails() == []
    events = await AuditEvent.filter(action="license.expired")
    assert [event.facts for event in events] == [{"reason": "UPGRADED"}]
    assert (await Allocation.get()).release_reason is ReleaseReason.UPGRADED


async def test_a_request_that_waits_is_told_after_3_days_and_further_up_after_7(
    scene: Scene, make: Make, clock: Clock
) -> None:
    order, partly = [await make.order(scene.customer, 5) for _ in range(2)]
    partly.assign(2, by=scene.pam.id, at=clock.now)
    await partly.save()
    await License.all().delete()
    asked = clock.now
    told = {}
    for after in (
        timedelta(days=3, microseconds=-1),
        timedelta(days=3),
        timedelta(days=6),
        timedelta(days=7, microseconds=-1),
        timedelta(days=7),
        timedelta(days=30),
    ):
        clock.now = asked + after
        await run(clock)
        now = await Order.get(id=order.id)
        told[after] = (await new_mails(), now.reminded_at, now.updated_at)

    first, second = asked + timedelta(days=3), asked + timedelta(days=7)
    assert list(told.values()) == [
        ([], None, asked),
        (each("ORDER_WAITING", "pam"), first, first),
        ([], first, first),
        ([], first, first),
        (each("ORDER_WAITING", "pam", "vic"), second, second),
        ([], second, second),
    ]
    assert (await Order.get(id=partly.id)).reminded_at is None


async def test_after_an_outage_an_order_is_reminded_of_once(
    scene: Scene, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer, 1)
    await make.order(scene.customer, 1, status=OrderStatus.CANCELLED)
    clock.move(days=9)

    await run(clock)

    mail = await Notification.filter(user_id=scene.pam.id).get()
    assert mail.subject == f"Customer still waits for 1 premium license ({order.number})"
    assert mail.key == f"ORDER_WAITING:{order.id}:7d:{scene.pam.id}"
    assert await new_mails() == each("ORDER_WAITING", "pam", "vic")


async def test_an_order_of_which_nobody_can_be_reminded_says_so(
    scene: Scene, make: Make, clock: Clock
) -> None:
    order = await make.order(scene.customer)
    await User.filter(id=scene.pam.id).update(muted_templates=["ORDER_WAITING"])
    clock.move(days=3)

    await run(clock)

    assert await new_mails() == []
    assert (await Order.get(id=order.id)).reminded_at is None


async def test_what_nobody_needs_any_more_is_swept_up(
    scene: Scene, make: Make, clock: Clock
) -> None:
    """What still counts, and what history refers to, stays."""
    await make.token(scene.cora)
    await make.manage_token(scene.pam, scene.customer)
    await PasswordLink.make(scene.cora, LinkPurpose.RESET, "old", at=clock.now).save()
    await Tally.create(kind=TallyKind.DUPLICATES, subject="7", count=1, until=clock.now)
    await IdempotencyKey.create(
        user_id=scene.cora.id, key="7", mutation="m", input_hash="h", created_at=clock.now
    )
    await Chore.create(key="old", done_at=clock.now)
    kept: list[Any] = []
    for days in (0, 0.99, 1, 30, 31, 90, 93):
        clock.now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC) + timedelta(days=days)
        await run(clock)
        kept.append([await m.all().count() for m in (Tally, IdempotencyKey, PasswordLink)])
        kept[-1].append(await Session.filter(expires_at__lt=YEAR).count())
        kept[-1].append(await Chore.filter(key="old").count())

    assert kept == [
        [0, 1, 1, 3, 1],
        [0, 1, 1, 3, 1],
        [0, 0, 1, 3, 1],
        [0, 0, 1, 3, 1],
        [0, 0, 0, 2, 1],
        [0, 0, 0, 2, 0],
        [0, 0, 0, 2, 0],
    ]


async def test_who_runs_the_jobs_by_hand_alone_is_told_of_no_expiry_twice(
    scene: Scene, make: Make, clock: Clock
) -> None:
    """However long ago it was, and whatever was swept up meanwhile."""
    await make.licenses(scene.customer, 2)
    for days in (0, 60, 89, 90, 91, 92, 200, 400):
        clock.now = YEAR + timedelta(days=days)
        await run(clock)

    assert await AuditEvent.filter(action="license.expired").count() == 1
    assert await new_mails() == each("LICENSES_EXPIRED", "pam", "cora", "carl")


async def test_jobs_run_as_of_another_day_make_no_round_late_or_early(
    scene: Scene, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 2)
    done: list[bool] = []
    for days in (0, -100, 100):
        clock.now = YEAR + timedelta(days=days)
        await run(clock)
        clock.now = YEAR + timedelta(hours=1 + len(done))
        done.append(await round_if_due(clock))
        done.append(await round_if_due(clock))

    assert done == [True, False] * 3


async def test_a_round_is_done_once_in_an_hour_by_one_worker(
    scene: Scene, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 2)
    clock.now = YEAR - timedelta(minutes=1)
    await round_if_due(clock)
    await new_mails()
    clock.now = YEAR

    done = [await asyncio.gather(*(round_if_due(clock) for _ in range(5)))]
    done.append([await round_if_due(clock)])

    assert done == [[False] * 5, [False]]
    clock.now = YEAR.replace(hour=10, minute=0)
    assert sorted(await asyncio.gather(*(round_if_due(clock) for _ in range(5)))) == [
        *[False] * 4,
        True,
    ]
    assert await new_mails() == each("LICENSES_EXPIRED", "pam", "cora", "carl")


async def test_a_round_that_was_cut_short_is_finished_by_the_next(
    scene: Scene, make: Make, clock: Clock
) -> None:
    await make.licenses(scene.customer, 2)
    [held] = await make.licenses(scene.customer, 1, at=clock.now - timedelta(hours=1))
    await make.allocation(held, scene.cora, at=clock.now - timedelta(minutes=1))
    order = await make.order(scene.customer, requested_at=YEAR - timedelta(days=7))
    clock.now, place = YEAR, 1

    while await cut_short(round_if_due(clock), place, Cut.ANSWERED):
        if place == 20:
            assert not await round_if_due(clock)  # for all that others know it is still at work
        clock.move(minutes=10)
        place += 1

    assert place > 20
    assert await new_mails() == [
        *each("LICENSES_EXPIRED", "pam", "cora", "carl"),
        *each("ORDER_WAITING", "pam", "vic"),
    ]
    assert (await Allocation.get()).released_at == held.expires_at
    assert await AuditEvent.filter(action="license.expired").count() == 2
    assert (await Order.get(id=order.id)).reminded_at is not None


async def test_statements_do_not_grow_with_companies_or_licenses(
    scene: Scene, make: Make, clock: Clock
) -> None:
    counts = []
    for number in (1, 9):
        for _ in range(number):
            company = await make.company(scene.partner)
            await make.manager(company)
            await make.licenses(company, number, at=clock.now - timedelta(days=366))
            await make.order(company, requested_at=clock.now - timedelta(days=4))
        with statements() as sent:
            await run(clock)
        counts.append(len(sent))

    assert counts[0] == counts[1] <= 60
    assert len(await mails()) == 10 * (3 + 2)
