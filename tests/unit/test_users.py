"""What is true of people, with no database."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.companies import Company, CompanyKind
from models.errors import Conflict, InvalidInput
from models.users import User, UserRole, UserStatus, managing_role
from tests.snapshots import columns

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
COMPANY = Company.root("Vendor", at=NOW)


def ann(**details: Any) -> User:
    person = {"email": "Ann@Example.com", "first_name": "Ann", "last_name": "Lee", **details}
    return User.join(COMPANY, person, at=NOW)


def test_a_new_person_belongs_to_the_company_and_learns() -> None:
    user = ann(department=" Sales ", external_id="17")

    assert (user.company_id, user.path) == (COMPANY.id, COMPANY.path)
    assert (user.email, user.email_key) == ("Ann@Example.com", "ann@example.com")
    assert (user.name, user.name_key) == ("Ann Lee", "ann lee")
    assert (user.department, user.external_id) == ("Sales", "17")
    assert (user.role, user.status) == (UserRole.LEARNER, UserStatus.INVITED)
    assert (user.created_at, user.updated_at) == (NOW, NOW)


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("Ann", "Lee", "Ann Lee"),
        ("Ann", "", "Ann"),
        ("", "Lee", "Lee"),
        ("", "", "Ann@Example.com"),
    ],
)
def test_one_whose_name_nobody_gave_is_called_by_the_address(
    first: str, last: str, name: str
) -> None:
    assert ann(first_name=first, last_name=last).name == name


def test_the_name_that_lists_go_by_follows_every_change() -> None:
    user = ann(first_name="", last_name="")

    user.update({"email": "Zoe@Example.com"}, at=LATER)
    assert user.name_key == "zoe@example.com"
    user.update({"last_name": "Öz"}, at=LATER)
    assert user.name_key == "öz"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"email": " ann@lee.example "}, {"email": "ann@lee.example"}),
        ({"first_name": " Anna "}, {"first_name": "Anna"}),
        ({"first_name": ""}, {"first_name": ""}),
        ({"last_name": ""}, {"last_name": ""}),
        ({"department": None}, {"department": None}),
        ({"department": "  "}, {"department": None}),
        ({"external_id": None}, {"external_id": None}),
    ],
)
def test_what_is_given_is_changed(given: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    user = ann(department="Sales", external_id="17")

    assert user.update(given, at=LATER)

    assert {name: getattr(user, name) for name in expected} == expected
    assert user.updated_at == LATER


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", None),
        ("first_name", None),
        ("last_name", None),
        ("email", ""),
        ("email", "ann"),
        ("email", "=?utf-8?q?eve=40evil?=@lee.example"),
        ("first_name", "Win at http://evil.example"),
        ("first_name", "Ann\r\nBcc: x@example.com"),
        ("last_name", "https://evil.example"),
        ("last_name", "a" * 201),
        ("department", "a\x00b"),
        ("department", "ftp://evil.example"),
        ("external_id", "a\nb"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(name: str, value: object) -> None:
    user = ann()
    before = columns(user)

    with pytest.raises(InvalidInput) as refusal:
        user.update({"department": "Sales", name: value}, at=LATER, path=("users", 3))

    assert refusal.value.path == ("users", 3, name)
    assert columns(user) == before


def test_the_same_again_is_no_change() -> None:
    user = ann()

    assert not user.update({"email": "Ann@Example.com", "first_name": "Ann"}, at=LATER)
    assert not user.become(UserRole.LEARNER, at=LATER)
    assert not user.mute([], at=LATER)
    assert user.updated_at == NOW


def test_a_person_with_a_password_is_active_and_a_removed_one_has_none() -> None:
    user = ann()
    user.password_hash = "a hash"
    before = user.status

    assert user.remove(at=LATER)

    assert (before, user.status) == (UserStatus.ACTIVE, UserStatus.REMOVED)
    assert columns(user)["password_hash"] is None
    assert not user.remove(at=LATER + timedelta(days=1))
    assert user.removed_at == LATER


def test_a_removed_person_is_changed_no_more() -> None:
    user = ann()
    user.remove(at=NOW)

    with pytest.raises(Conflict):
        user.update({"first_name": "Anna"}, at=LATER)


def test_erasing_replaces_what_identifies_the_person_and_keeps_the_id() -> None:
    user = ann(department="Sales", external_id="17")
    user.last_sign_in_at, user.muted_templates = NOW, ["ORDER_ASSIGNED"]
    user.remove(at=NOW)
    before = columns(user)

    assert user.erase(at=LATER)

    address = f"erased-{user.id.hex}@invalid"
    assert columns(user) == before | {
        "email": address,
        "email_key": address,
        "first_name": "Erased",
        "last_name": "user",
        "name_key": "erased user",
        "department": None,
        "external_id": None,
        "muted_templates": [],
        "erased_at": LATER,
        "updated_at": LATER,
    }
    assert not user.erase(at=LATER)


def test_muted_templates_are_kept_once_and_in_order() -> None:
    user = ann()

    assert user.mute(["ORDER_WAITING", "ORDER_ASSIGNED", "ORDER_WAITING"], at=LATER)

    assert user.muted_templates == ["ORDER_ASSIGNED", "ORDER_WAITING"]


@pytest.mark.parametrize("kind", CompanyKind)
def test_a_manager_of_a_customer_is_a_manager_and_of_others_an_account_manager(
    kind: CompanyKind,
) -> None:
    is_customer = kind is CompanyKind.CUSTOMER

    role = managing_role(kind)

    assert role is (UserRole.MANAGER if is_customer else UserRole.ACCOUNT_MANAGER)
