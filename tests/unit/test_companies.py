"""What is true of companies, with no database."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import is_within
from models.companies import (
    DEEPEST,
    STEP,
    Company,
    CompanyKind,
    CompanyPlan,
    CompanyStatus,
    ancestor_paths,
    depth,
)
from models.errors import Conflict, InvalidInput
from tests.snapshots import columns

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
V, D, P, C = CompanyKind
MAY_BE_BENEATH = {(V, D), (V, P), (V, C), (D, P), (D, C), (P, P), (P, C)}


def a(kind: CompanyKind, parent: Company | None = None) -> Company:
    if kind is CompanyKind.VENDOR:
        return Company.root("Vendor", at=NOW)
    return Company.under(parent or Company.root("Vendor", at=NOW), kind, kind.title(), at=NOW)


def chain(levels: int) -> Company:
    """The lowest of so many partners, each beneath the other, the root being level 0."""
    company = a(V)
    for _ in range(levels):
        company = a(P, company)
    return company


@pytest.mark.parametrize(("parent", "kind"), [*product(CompanyKind, CompanyKind)])
def test_a_company_may_create_the_kinds_that_fit_and_no_other(
    parent: CompanyKind, kind: CompanyKind
) -> None:
    above = a(parent)

    if (parent, kind) in MAY_BE_BENEATH:
        company = Company.under(above, kind, "New", at=NOW)
        assert (company.parent_id, company.kind) == (above.id, kind)
    else:
        with pytest.raises(InvalidInput) as refusal:
            Company.under(above, kind, "New", at=NOW)
        assert refusal.value.path == ("kind",)


@pytest.mark.parametrize(("parent", "kind"), [*product(CompanyKind, [D, P, C])])
def test_a_company_may_be_moved_where_it_might_have_been_created(
    parent: CompanyKind, kind: CompanyKind
) -> None:
    above, company = a(parent), a(kind)
    before = company.path

    if (parent, kind) in MAY_BE_BENEATH:
        company.move_under(above, deepest=len(company.path), at=LATER)
        assert company.path == above.path + before[-STEP:]
        assert (company.parent_id, company.updated_at) == (above.id, LATER)
    else:
        with pytest.raises(InvalidInput) as refusal:
            company.move_under(above, deepest=len(company.path), at=LATER)
        assert refusal.value.path == ("new_parent_id",)
        assert (company.path, company.updated_at) == (before, NOW)


@pytest.mark.parametrize("levels", [0, 1, 3])
def test_a_company_is_never_moved_beneath_itself(levels: int) -> None:
    company = beneath = a(P)
    for _ in range(levels):
        beneath = a(P, beneath)

    with pytest.raises(InvalidInput, match="beneath itself"):
        company.move_under(beneath, deepest=len(beneath.path), at=LATER)


@pytest.mark.parametrize(
    ("kind", "plan"),
    [
        (D, CompanyPlan.NFR),
        (P, CompanyPlan.NFR),
        (C, CompanyPlan.NONE),
        (V, CompanyPlan.NONE),
    ],
)
def test_partners_and_distributors_start_on_nfr(kind: CompanyKind, plan: CompanyPlan) -> None:
    assert a(kind).plan is plan


def test_the_tree_has_a_deepest_level() -> None:
    lowest = chain(DEEPEST)

    assert depth(lowest.path) == DEEPEST
    with pytest.raises(InvalidInput, match="200 levels") as refusal:
        a(C, lowest)
    assert refusal.value.path == ("parent_id",)


def test_a_company_is_moved_with_all_beneath_it_or_it_is_too_deep() -> None:
    company = a(P)
    deepest = len(a(C, a(P, company)).path)

    company.move_under(chain(DEEPEST - 3), deepest=deepest, at=LATER)

    assert depth(company.path) == DEEPEST - 2
    with pytest.raises(InvalidInput, match="200 levels"):
        a(P).move_under(chain(DEEPEST - 2), deepest=deepest, at=LATER)


@given(st.lists(st.sampled_from([P, P, C]), max_size=6))
def test_the_paths_above_are_those_of_the_companies_above(kinds: list[CompanyKind]) -> None:
    companies = [a(V)]
    for kind in kinds:
        if companies[-1].kind is C:
            break
        companies.append(a(kind, companies[-1]))

    lowest = companies[-1]

    assert ancestor_paths(lowest.path) == [company.path for company in companies[:-1]]
    assert depth(lowest.path) == len(companies) - 1
    assert all(is_within(lowest.path, company.path) for company in companies)
    assert not any(is_within(company.path, lowest.path) for company in companies[:-1])


@given(st.integers(2, 30))
def test_siblings_never_have_the_same_path_nor_one_within_another(number: int) -> None:
    parent = a(P)

    paths = [a(C, parent).path for _ in range(number)]

    assert len(set(paths)) == number
    assert {len(path) for path in paths} == {len(parent.path) + STEP}
    assert all((one == other) is is_within(one, other) for one in paths for other in paths)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": "  Acme GmbH "}, {"name": "Acme GmbH", "name_key": "acme gmbh"}),
        ({"industry": " Steel "}, {"industry": "Steel"}),
        ({"industry": ""}, {"industry": None}),
        ({"industry": None}, {"industry": None}),
        ({"employee_count": 0}, {"employee_count": 0}),
        ({"employee_count": 2**31 - 1}, {"employee_count": 2**31 - 1}),
        ({"employee_count": None}, {"employee_count": None}),
        ({"country": " de "}, {"country": "DE"}),
        ({"country": None}, {"country": None}),
        ({"language": "pt-BR"}, {"language": "pt-BR"}),
        ({"language": "zh-Hant-TW"}, {"language": "zh-Hant-TW"}),
        ({"language": None}, {"language": None}),
        ({"external_id": "CRM://17"}, {"external_id": "CRM://17"}),
        ({"external_id": None}, {"external_id": None}),
    ],
)
def test_what_describes_a_company_is_taken_in(
    given: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    company = a(C)
    company.industry, company.employee_count, company.country = "Mining", 5, "FR"
    company.language, company.external_id = "fr", "17"

    assert company.update(given, at=LATER)

    assert {name: getattr(company, name) for name in expected} == expected
    assert company.updated_at == LATER


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", None),
        ("name", " "),
        ("name", "Win at http://evil.example"),
        ("name", "Acme\nBcc: x@example.com"),
        ("name", "a" * 201),
        ("industry", "a\x00b"),
        ("employee_count", -1),
        ("employee_count", 2**31),
        ("country", "D"),
        ("country", "DEU"),
        ("country", "D1"),
        ("country", "ß"),  # in upper case two letters, SS
        ("country", "ﬁ"),  # in upper case FI
        ("language", "e"),
        ("language", "en_GB"),
        ("language", "English, of course"),
        ("external_id", "a\nb"),
        ("external_id", "a" * 201),
    ],
)
def test_what_does_not_describe_a_company_is_refused_and_changes_nothing(
    name: str, value: object
) -> None:
    company = a(C)
    before = columns(company)

    with pytest.raises(InvalidInput) as refusal:
        company.update({"industry": "Steel", name: value}, at=LATER)

    assert refusal.value.path == (name,)
    assert columns(company) == before


def test_the_same_again_is_no_change() -> None:
    company = a(C)

    assert not company.update({"name": company.name, "industry": None}, at=LATER)
    assert not company.update({}, at=LATER)
    assert company.updated_at == NOW


def test_a_company_is_archived_and_restored_once() -> None:
    company = a(C)

    assert company.archive(at=LATER)
    assert (company.status, company.archived_at) == (CompanyStatus.ARCHIVED, LATER)
    assert not company.archive(at=LATER + timedelta(days=1))
    assert company.archived_at == LATER

    assert company.restore(parent_is_archived=False, at=LATER)
    restored = columns(company)
    assert (restored["archived_at"], restored["is_archived"]) == (None, False)
    assert not company.restore(parent_is_archived=False, at=LATER)


def test_a_company_is_not_restored_while_one_above_is_archived() -> None:
    company = a(C)
    company.archive(at=NOW)

    with pytest.raises(Conflict, match="restore that one first"):
        company.restore(parent_is_archived=True, at=LATER)

    assert (company.status, company.archived_at) == (CompanyStatus.ARCHIVED, NOW)


@pytest.mark.parametrize(
    ("before", "order", "after"),
    [
        (CompanyPlan.NONE, CompanyPlan.TRIAL, CompanyPlan.TRIAL),
        (CompanyPlan.TRIAL, CompanyPlan.PREMIUM, CompanyPlan.PREMIUM),
        (CompanyPlan.TRIAL, CompanyPlan.MANAGED, CompanyPlan.MANAGED),
        (CompanyPlan.PREMIUM, CompanyPlan.MANAGED, CompanyPlan.MANAGED),
        (CompanyPlan.MANAGED, CompanyPlan.PREMIUM, CompanyPlan.MANAGED),
        (CompanyPlan.PREMIUM, CompanyPlan.PREMIUM, CompanyPlan.PREMIUM),
        (CompanyPlan.NFR, CompanyPlan.PREMIUM, CompanyPlan.PREMIUM),
        (CompanyPlan.PREMIUM, CompanyPlan.NFR, CompanyPlan.PREMIUM),
    ],
)
def test_the_plan_follows_what_is_assigned_but_premium_takes_no_managed_company_back(
    before: CompanyPlan, order: CompanyPlan, after: CompanyPlan
) -> None:
    company = a(C)
    company.plan = before

    assert company.follow_order(order, at=LATER) is (before is not after)

    assert company.plan is after
