"""Who may do what: the table of docs, column by column, against the one module that decides."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.access import Action, Caller, Reach, shows_all, why_not
from models.base import is_within, new_id, successor
from models.companies import Company, CompanyKind, CompanyPlan
from models.tokens import ApiScope
from models.users import UserRole

NOW: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

VENDOR = Company.root("Vendor", at=NOW)
DISTRIBUTOR = Company.under(VENDOR, CompanyKind.DISTRIBUTOR, "Distributor", at=NOW)
PARTNER = Company.under(DISTRIBUTOR, CompanyKind.PARTNER, "Partner", at=NOW)
SUB_PARTNER = Company.under(PARTNER, CompanyKind.PARTNER, "Sub-partner", at=NOW)
CUSTOMER = Company.under(PARTNER, CompanyKind.CUSTOMER, "Customer", at=NOW)
BESIDE = Company.under(DISTRIBUTOR, CompanyKind.PARTNER, "Another partner", at=NOW)
BESIDE_CUSTOMER = Company.under(PARTNER, CompanyKind.CUSTOMER, "Another customer", at=NOW)
EVERYWHERE = (
    VENDOR,
    DISTRIBUTOR,
    PARTNER,
    SUB_PARTNER,
    CUSTOMER,
    BESIDE,
    BESIDE_CUSTOMER,
)


def caller(role: UserRole, company: Company, *, home: Company | None = None) -> Caller:
    """Somebody of `company`; in manage mode there, with another `home`."""
    return Caller(
        session_id=new_id(),
        user_id=new_id(),
        role=role,
        company_id=company.id,
        path=company.path,
        home_id=(home or company).id,
        managing=home is not None,
    )


def like(company: Company, *, plan: CompanyPlan | None = None, archived: bool = False) -> Company:
    """The same company on another plan, or archived."""
    return Company(
        id=company.id,
        kind=company.kind,
        name=company.name,
        path=company.path,
        plan=plan or company.plan,
        archived_at=NOW if archived else None,
        is_archived=archived,
    )


def by_token(who: Caller, *scopes: ApiScope) -> Caller:
    """An API token in that person's name, made there; for everything unless it is said for what."""
    return replace(who, managing=False, scopes=frozenset(scopes or ApiScope))


ACCOUNT_MANAGER = caller(UserRole.ACCOUNT_MANAGER, PARTNER)
VENDORS = caller(UserRole.ACCOUNT_MANAGER, VENDOR)
IN_PARTNER = caller(UserRole.ACCOUNT_MANAGER, PARTNER, home=DISTRIBUTOR)
IN_CUSTOMER = caller(UserRole.MANAGER, CUSTOMER, home=PARTNER)
MANAGER = caller(UserRole.MANAGER, CUSTOMER)
LEARNER = caller(UserRole.LEARNER, CUSTOMER)
PARTNERS_LEARNER = caller(UserRole.LEARNER, PARTNER)
MANAGED = like(CUSTOMER, plan=CompanyPlan.MANAGED)
ARCHIVED = like(CUSTOMER, archived=True)
MANAGED_ARCHIVED = like(CUSTOMER, plan=CompanyPlan.MANAGED, archived=True)

IN_REACH: Final = {
    "account manager, below": (ACCOUNT_MANAGER, CUSTOMER),
    "account manager, below, deeper": (VENDORS, SUB_PARTNER),
    "account manager, below, MANAGED": (ACCOUNT_MANAGER, MANAGED),
    "account manager, below, archived": (ACCOUNT_MANAGER, ARCHIVED),
    "account manager, below, MANAGED and archived": (ACCOUNT_MANAGER, MANAGED_ARCHIVED),
    "account manager, own": (ACCOUNT_MANAGER, PARTNER),
    "account manager, own, archived": (ACCOUNT_MANAGER, like(PARTNER, archived=True)),
    "vendor's account manager, own": (VENDORS, VENDOR),
    "in manage mode of a partner, own": (IN_PARTNER, PARTNER),
    "in manage mode of a partner, own, archived": (IN_PARTNER, like(PARTNER, archived=True)),
    "in manage mode of a partner, below": (IN_PARTNER, CUSTOMER),
    "in manage mode of a partner, below, MANAGED": (IN_PARTNER, MANAGED),
    "in manage mode of a partner, below, archived": (IN_PARTNER, ARCHIVED),
    "in manage mode of a customer": (IN_CUSTOMER, CUSTOMER),
    "in manage mode of a customer, MANAGED": (IN_CUSTOMER, MANAGED),
    "in manage mode of a customer, archived": (IN_CUSTOMER, ARCHIVED),
    "manager": (MANAGER, CUSTOMER),
    "manager, MANAGED": (MANAGER, MANAGED),
    "manager, archived": (MANAGER, ARCHIVED),
    "manager, MANAGED and archived": (MANAGER, MANAGED_ARCHIVED),
    "API token, below": (by_token(ACCOUNT_MANAGER), CUSTOMER),
    "API token, own": (by_token(ACCOUNT_MANAGER), PARTNER),
    "API token of a customer": (by_token(MANAGER), CUSTOMER),
    "API token of a customer, MANAGED": (by_token(MANAGER), MANAGED),
    "API token made in manage mode": (by_token(IN_CUSTOMER), CUSTOMER),
    "API token made in manage mode, MANAGED": (by_token(IN_CUSTOMER), MANAGED),
    "API token that reads, below": (by_token(ACCOUNT_MANAGER, ApiScope.READ), CUSTOMER),
    "API token that requests, below": (
        by_token(ACCOUNT_MANAGER, ApiScope.ORDERS_REQUEST),
        CUSTOMER,
    ),
    "API token that assigns, below": (by_token(ACCOUNT_MANAGER, ApiScope.ORDERS_ASSIGN), CUSTOMER),
    "learner": (LEARNER, CUSTOMER),
    "learner, MANAGED": (LEARNER, MANAGED),
    "learner, archived": (LEARNER, ARCHIVED),
    "partner's learner": (PARTNERS_LEARNER, PARTNER),
}
COLUMNS: Final = (
    Action.CREATE_COMPANY,
    Action.UPDATE_COMPANY,
    Action.SET_ACCOUNT_MANAGER,
    Action.MOVE_COMPANY,
    Action.ARCHIVE_COMPANY,
    Action.ENTER_MANAGE_MODE,
    Action.REQUEST_LICENSES,
    Action.CHANGE_ORDER,
    Action.ASSIGN_ORDER,
    Action.KEEP_USERS,
    Action.ERASE_USERS,
    Action.KEEP_MANAGERS,
    Action.ALLOCATE_LICENSES,
    Action.KEEP_API_TOKENS,
    Action.KEEP_WEBHOOKS,
)
# What the rules grant; no is FORBIDDEN, and off is CONFLICT because the company is archived.
#                                             cre upd set mov arc ent req cha ass use era man all tok web  # noqa: E501
#                                             ate ate AM  e   h.  er  .   ord ign rs  se  ag. oc. ens hks  # noqa: E501
TABLE: Final = """
account manager, below                      | yes yes yes yes yes yes yes yes yes yes yes yes yes no  no
account manager, below, deeper              | yes yes yes yes yes yes yes yes yes yes yes yes yes no  no
account manager, below, MANAGED             | yes yes yes yes yes yes yes yes yes yes yes yes yes no  no
account manager, below, archived            | off yes yes yes yes off off off off off yes off off no  no
account manager, below, MANAGED and archived| off yes yes yes yes off off off off off yes off off no  no
account manager, own                        | yes yes no  no  no  no  yes yes no  yes yes yes yes yes yes
account manager, own, archived              | off off no  no  no  no  off off no  off off off off off off
vendor's account manager, own               | yes yes no  no  no  no  yes yes yes yes yes yes yes yes yes
in manage mode of a partner, own            | yes yes no  no  no  no  yes yes no  yes yes yes yes yes yes
in manage mode of a partner, own, archived  | off off no  no  no  no  off off no  off off off off off off
in manage mode of a partner, below          | yes yes yes yes yes no  yes yes yes yes yes yes yes no  no
in manage mode of a partner, below, MANAGED | yes yes yes yes yes no  yes yes yes yes yes yes yes no  no
in manage mode of a partner, below, archived| off yes yes yes yes no  off off off off yes off off no  no
in manage mode of a customer                | no  yes no  no  no  no  yes yes no  yes yes yes yes yes yes
in manage mode of a customer, MANAGED       | no  yes no  no  no  no  yes yes no  yes yes yes yes yes yes
in manage mode of a customer, archived      | no  off no  no  no  no  off off no  off off off off off off
manager                                     | no  yes no  no  no  no  yes yes no  yes yes yes yes yes yes
manager, MANAGED                            | no  no  no  no  no  no  yes yes no  no  no  no  no  no  no
manager, archived                           | no  off no  no  no  no  off off no  off off off off off off
manager, MANAGED and archived               | no  no  no  no  no  no  off off no  no  no  no  no  no  no
learner                                     | no  no  no  no  no  no  no  no  no  no  no  no  no  no  no
learner, MANAGED                            | no  no  no  no  no  no  no  no  no  no  no  no  no  no  no
learner, archived                           | no  no  no  no  no  no  no  no  no  no  no  no  no  no  no
partner's learner                           | no  no  no  no  no  no  no  no  no  no  no  no  no  no  no
API token, below                            | yes yes yes yes yes no  yes yes yes yes yes no  yes no  no
API token, own                              | yes yes no  no  no  no  yes yes no  yes yes no  yes no  yes
API token of a customer                     | no  yes no  no  no  no  yes yes no  yes yes no  yes no  yes
API token of a customer, MANAGED            | no  no  no  no  no  no  yes yes no  no  no  no  no  no  no
API token made in manage mode               | no  yes no  no  no  no  yes yes no  yes yes no  yes no  yes
API token made in manage mode, MANAGED      | no  yes no  no  no  no  yes yes no  yes yes no  yes no  yes
API token that reads, below                 | no  no  no  no  no  no  no  no  no  no  no  no  no  no  no
API token that requests, below              | no  no  no  no  no  no  yes yes no  no  no  no  no  no  no
API token that assigns, below               | no  no  no  no  no  no  no  no  yes no  no  no  no  no  no
"""  # noqa: E501
EXPECTED: Final = {
    situation.strip(): tuple(cells.split())
    for situation, cells in (line.split("|") for line in TABLE.strip().splitlines())
}
OUT_OF_REACH: Final = {
    "account manager, the company above": (ACCOUNT_MANAGER, DISTRIBUTOR),
    "account manager, the root": (ACCOUNT_MANAGER, VENDOR),
    "account manager, beside": (ACCOUNT_MANAGER, BESIDE),
    "account manager, beside, archived": (ACCOUNT_MANAGER, like(BESIDE, archived=True)),
    "in manage mode, the home": (IN_PARTNER, DISTRIBUTOR),
    "in manage mode, beneath the home, beside": (IN_PARTNER, BESIDE),
    "in manage mode of a customer, the home": (IN_CUSTOMER, PARTNER),
    "in manage mode of a customer, beneath the home, beside": (IN_CUSTOMER, BESIDE_CUSTOMER),
    "manager, above": (MANAGER, PARTNER),
    "manager, beside": (MANAGER, BESIDE_CUSTOMER),
    "manager, beside, MANAGED": (MANAGER, like(BESIDE_CUSTOMER, plan=CompanyPlan.MANAGED)),
    "learner, above": (LEARNER, PARTNER),
    "learner, beside": (LEARNER, BESIDE_CUSTOMER),
    "partner's learner, below": (PARTNERS_LEARNER, CUSTOMER),
}
VERDICTS: Final = {"FORBIDDEN": "no", "CONFLICT": "off"}


def verdict(who: Caller, action: Action, company: Company) -> str:
    refusal = why_not(who, action, company)
    return VERDICTS[refusal.code] if refusal else "yes"


def test_the_table_knows_every_action_and_every_situation() -> None:
    assert set(COLUMNS) == set(Action)
    assert set(EXPECTED) == set(IN_REACH)


@pytest.mark.parametrize("situation", IN_REACH)
def test_in_reach_the_table_decides(situation: str) -> None:
    who, company = IN_REACH[situation]

    verdicts = tuple(verdict(who, action, company) for action in COLUMNS)

    assert verdicts == EXPECTED[situation]


@pytest.mark.parametrize("situation", OUT_OF_REACH)
def test_out_of_reach_nothing_is_allowed(situation: str) -> None:
    who, company = OUT_OF_REACH[situation]

    refusals = [why_not(who, action, company) for action in Action]

    assert who.reach(company.path) is None
    assert {(refusal.code, refusal.message) for refusal in refusals if refusal} == {
        ("FORBIDDEN", "Out of your reach: you act in your own company and those beneath it.")
    }
    assert None not in refusals


@pytest.mark.parametrize(
    ("who", "company", "action", "words"),
    [
        (IN_CUSTOMER, CUSTOMER, Action.ASSIGN_ORDER, "exit manage mode, then assign"),
        (MANAGER, CUSTOMER, Action.ASSIGN_ORDER, "by a company above"),
        (ACCOUNT_MANAGER, PARTNER, Action.ASSIGN_ORDER, "by a company above"),
        (IN_PARTNER, CUSTOMER, Action.ENTER_MANAGE_MODE, "in manage mode already: exit it first"),
        (MANAGER, MANAGED, Action.KEEP_USERS, "MANAGED plan"),
        (MANAGER, CUSTOMER, Action.MOVE_COMPANY, "an account manager of a company above"),
        (LEARNER, CUSTOMER, Action.KEEP_USERS, "Only managers"),
        (ACCOUNT_MANAGER, ARCHIVED, Action.KEEP_USERS, "restore it first"),
        (ACCOUNT_MANAGER, CUSTOMER, Action.KEEP_API_TOKENS, "Enter manage mode"),
        (by_token(ACCOUNT_MANAGER), CUSTOMER, Action.KEEP_MANAGERS, "for people"),
        (by_token(IN_CUSTOMER), CUSTOMER, Action.ASSIGN_ORDER, "by a company above"),
        (
            by_token(ACCOUNT_MANAGER, ApiScope.READ),
            CUSTOMER,
            Action.ASSIGN_ORDER,
            "lacks the scope ORDERS_ASSIGN",
        ),
    ],
)
def test_a_refusal_says_which_rule_refuses(
    who: Caller, company: Company, action: Action, words: str
) -> None:
    refusal = why_not(who, action, company)

    assert refusal is not None
    assert words in refusal.message


@pytest.mark.parametrize(
    ("who", "own", "below"),
    [
        (VENDORS, VENDOR, [company for company in EVERYWHERE if company is not VENDOR]),
        (ACCOUNT_MANAGER, PARTNER, [SUB_PARTNER, CUSTOMER, BESIDE_CUSTOMER]),
        (IN_PARTNER, PARTNER, [SUB_PARTNER, CUSTOMER, BESIDE_CUSTOMER]),
        (IN_CUSTOMER, CUSTOMER, []),
        (MANAGER, CUSTOMER, []),
        (LEARNER, CUSTOMER, []),
        (PARTNERS_LEARNER, PARTNER, []),
    ],
)
def test_a_caller_reaches_the_acting_company_and_those_beneath(
    who: Caller, own: Company, below: list[Company]
) -> None:
    reached = {company.name: who.reach(company.path) for company in EVERYWHERE}

    assert {name for name, reach in reached.items() if reach is Reach.OWN} == {own.name}
    assert {name for name, reach in reached.items() if reach is Reach.BELOW} == {
        company.name for company in below
    }


@pytest.mark.parametrize(
    ("who", "company", "expected"),
    [
        (ACCOUNT_MANAGER, PARTNER, True),
        (ACCOUNT_MANAGER, CUSTOMER, True),
        (MANAGER, CUSTOMER, True),
        (IN_PARTNER, PARTNER, True),
        (IN_PARTNER, DISTRIBUTOR, False),
        (IN_CUSTOMER, PARTNER, False),
        (LEARNER, CUSTOMER, False),
        (PARTNERS_LEARNER, PARTNER, False),
    ],
)
def test_more_than_the_plain_fields_is_shown_of_companies_in_sight_to_managers_alone(
    who: Caller, company: Company, expected: bool
) -> None:
    assert shows_all(who, company) is expected


LABELS = st.text("az09", min_size=1, max_size=3)
PLACES = st.lists(LABELS, min_size=1, max_size=4).map(tuple)


@given(top=PLACES, place=PLACES)
def test_a_path_is_within_another_only_where_the_one_is_above_the_other(
    top: tuple[str, ...], place: tuple[str, ...]
) -> None:
    """Labels of any width, each other's prefixes too: the separator alone keeps siblings apart."""
    top_path, path = ("".join(f"{label}/" for label in labels) for labels in (top, place))

    assert is_within(path, top_path) is (place[: len(top)] == top)


@given(top=PLACES, path=st.text("./0az") | PLACES.map(lambda labels: "/".join(labels) + "/"))
def test_the_range_of_a_path_holds_what_begins_with_it_and_nothing_else(
    top: tuple[str, ...], path: str
) -> None:
    top_path = "".join(f"{label}/" for label in top)

    assert (top_path <= path < successor(top_path)) is path.startswith(top_path)
