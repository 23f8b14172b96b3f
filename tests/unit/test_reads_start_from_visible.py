"""Every read of a resolver starts from what exists for the caller, or says here why it does not.

A read is a query begun on a model itself, a select in SQL, or a function of `models` that asks the
database, those of `models.access` aside: `visible`, `known` and their like are where reads start.
"""

import ast
import re
from collections.abc import Iterator
from functools import reduce
from importlib import import_module
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Final

from tortoise.models import Model

ROOT: Final = Path(__file__).parents[2]
WRITES: Final = {"create", "bulk_create", "construct"}
QUERIES: Final = {name for name in dir(Model) if not name.startswith("_")} - WRITES
SQL: Final = re.compile(r"\bSELECT\b.*\bFROM\b", re.DOTALL)

ACTOR: Final = "oneself, or the company acted for: no sight is needed to be oneself"
BEFORE: Final = "before anybody is signed in there is no caller"
EVENT: Final = "the company of somebody found by other means, for the event and the mail"
MAILED: Final = "who is mailed may be out of the caller's sight; the row is not told"
TAKEN: Final = "an address is taken wherever it is: the one thing told of others, and counted"
DEPENDS: Final = "what depends on a row that the caller may change, wherever it is"
ABOUT: Final = "of rows that a query from `visible` is asked for besides, or that it holds"
WRITES_ONLY: Final = "writes, and reads nothing"
CLOCK: Final = "nobody asks: it is the clock's turn"
LOCKED: Final = "writes, or reads of rows found in sight and locked before"

EXCEPTIONS: Final = {
    ("companies", "create_vendor", "Company.exists"): "there is no caller yet, and one root",
    ("companies", "_first_order", "account_managers_for"): MAILED,
    ("companies", "move_company", "deepest"): "a number of what is beneath a company in sight",
    ("companies", "move_company", "refile"): LOCKED,
    ("companies", "move_company", "settle"): LOCKED,
    ("companies", "archive_company", "settle"): LOCKED,
    ("companies", "restore_company", "settle"): LOCKED,
    ("imports", "import_users", "save_changed"): LOCKED,
    ("imports", "import_users", "save_new"): WRITES_ONLY,
    ("imports", "import_users", "taken"): TAKEN,
    ("daily", "_companies", "Company.filter"): CLOCK,
    ("daily", "_since", "last_round"): CLOCK,
    ("daily", "_with_those_above", "account_managers_above"): CLOCK,
    ("daily", "remind_of_orders", "Order.filter"): CLOCK,
    ("daily", "remind_of_orders", "account_managers_of"): CLOCK,
    ("daily", "remind_of_orders", "claim"): CLOCK,
    ("daily", "remind_of_orders", "waiting"): CLOCK,
    ("daily", "round_if_due", "begin_round"): CLOCK,
    ("daily", "round_if_due", "end_round"): CLOCK,
    ("daily", "run", "next_page"): CLOCK,
    ("daily", "run", "note_round"): CLOCK,
    ("daily", "sweep_up", "sweep"): CLOCK,
    ("daily", "tell_of_expiries", "account_managers_of"): CLOCK,
    ("daily", "tell_of_expiries", "claim"): CLOCK,
    ("daily", "tell_of_expiries", "expiries"): CLOCK,
    ("daily", "tell_of_expiries", "managers_by_company"): CLOCK,
    ("daily", "write_down_expired", "claim"): CLOCK,
    ("daily", "write_down_expired", "end_stays"): CLOCK,
    ("daily", "write_down_expired", "ended"): CLOCK,
    ("imports", "import_users_for_vendor", "Company.get_or_none"): BEFORE,
    ("imports", "import_users_for_vendor", "managers_of"): BEFORE,
    ("licenses", "_asked_for", "expired_learners"): LOCKED,
    ("licenses", "_hand_over", "hand_over"): LOCKED,
    ("licenses", "_hand_over", "write_down_expired"): LOCKED,
    ("licenses", "_known", "learners"): LOCKED,
    ("licenses", "reallocate_license", "take_back"): LOCKED,
    ("licenses", "release", "take_back"): LOCKED,
    ("orders", "_concerned", "managers_of"): MAILED,
    ("orders", "_concerned", "present"): MAILED,
    ("orders", "_end_trial", "Allocation.filter"): DEPENDS,
    ("orders", "_end_trial", "settle_expiry"): LOCKED,
    ("orders", "_save_request", "account_managers_for"): MAILED,
    ("orders", "assign", "account_managers_for"): MAILED,
    ("orders", "assign", "mint"): LOCKED,
    ("orders", "assign_order", "managers_of"): MAILED,
    ("orders", "cancel_order", "account_managers_for"): MAILED,
    ("orders", "decline_order", "account_managers_for"): MAILED,
    ("orders", "return_order", "account_managers_for"): MAILED,
    ("people", "end_links_of", "PasswordLink.filter"): "links are seen by nobody",
    ("people", "follow_addresses", "Notification.filter"): LOCKED,
    ("people", "follow_addresses", "PasswordLink.filter"): "links are seen by nobody",
    ("people", "follow_addresses", "save_recipients"): LOCKED,
    ("people", "refuse_taken", "taken"): TAKEN,
    ("people", "take_in", "save_new"): WRITES_ONLY,
    ("reading/companies", "_has_requests", "SELECT"): ABOUT,
    ("reading/sql", "_joined", "SELECT"): ABOUT,
    ("reading/sql", "_lateral", "SELECT"): ABOUT,
    ("reading/sql", "_united", "SELECT"): ABOUT,
    ("reading/sql", "counting", "SELECT"): ABOUT,
    ("reading/sql", "is_in", "SELECT"): "of the values that it is given",
    ("reading/sql", "run", "database.read"): ABOUT,
    ("reading/users", "module", "SELECT"): ABOUT,
    ("reading/within", "telling", "SELECT"): ABOUT,
    ("reading/warnings", "notification_warnings", "account_managers_of"): MAILED,
    ("reading/warnings", "notification_warnings", "managers_by_company"): MAILED,
    ("sessions", "_end", "Session.filter"): DEPENDS,
    ("sessions", "_check_password", "taken"): BEFORE,
    ("sessions", "end_sessions_within", "User.filter"): DEPENDS,
    ("sessions", "enter_manage_mode", "Session.get"): ACTOR,
    ("sessions", "exit_manage_mode", "Company.get"): ACTOR,
    ("sessions", "exit_manage_mode", "Session.get"): ACTOR,
    ("sessions", "request_password_reset", "Company.get"): EVENT,
    ("sessions", "request_password_reset", "PasswordLink.filter"): BEFORE,
    ("sessions", "request_password_reset", "taken"): BEFORE,
    ("sessions", "request_password_reset", "User.select_for_update"): BEFORE,
    ("sessions", "set_password", "Company.get"): EVENT,
    ("sessions", "set_password", "PasswordLink.filter"): BEFORE,
    ("sessions", "set_password", "User.select_for_update"): BEFORE,
    ("sessions", "sign_in", "Company.get"): EVENT,
    ("sessions", "sign_in", "User.select_for_update"): BEFORE,
    ("sessions", "sign_out", "Company.get"): ACTOR,
    ("sessions", "sign_out", "User.get"): ACTOR,
    ("sessions", "tell_locked", "Company.get"): EVENT,
    ("sessions", "tell_locked", "User.get"): BEFORE,
    ("tallies", "add_up", "SELECT"): "tallies are seen by nobody",
    ("tallies", "add_up", "rows"): "tallies are seen by nobody",
    ("tallies", "count", "rows"): "tallies are seen by nobody",
    ("tallies", "counted", "Tally.get_or_none"): "tallies are seen by nobody",
    ("tallies", "forget", "Tally.filter"): "tallies are seen by nobody",
    ("tokens", "create_first_api_token", "taken"): BEFORE,
    ("tokens", "end_tokens_of", "ApiToken.filter"): DEPENDS,
    ("tokens", "note_use", "ApiToken.filter"): "the token that asks, whatever it may see",
    ("tokens", "note_use", "ApiToken.get_or_none"): "the token that asks, whatever it may see",
    ("users", "_dismiss", "Company.filter"): DEPENDS,
    ("users", "_must_keep_a_manager", "managers_of"): LOCKED,
    ("users", "remove_users", "forget_addresses"): TAKEN,
    ("users", "remove_users", "save_erased"): LOCKED,
    ("users", "remove_users", "save_removed"): LOCKED,
    ("users", "update_notification_preferences", "Company.get"): ACTOR,
    ("users", "update_notification_preferences", "User.select_for_update"): ACTOR,
    ("webhooks", "give_up_endpoint", "Company.get"): CLOCK,
    ("webhooks", "give_up_endpoint", "WebhookDelivery.filter"): CLOCK,
    ("webhooks", "give_up_endpoint", "WebhookEndpoint.select_for_update"): CLOCK,
    ("webhooks", "give_up_endpoint", "fail_queued"): CLOCK,
    ("webhooks", "give_up_endpoint", "present"): MAILED,
    ("webhooks", "update_webhook_endpoint", "fail_queued"): LOCKED,
    ("work", "write_down", "queue"): "who is above hears of it, whom the caller may not see",
    (
        "performing",
        "_kept",
        "IdempotencyKey.get_or_none",
    ): "one's own, which lists do not hold",
}


class Reads(ast.NodeVisitor):
    """Where in one module something is read without `visible`: function and expression."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: list[tuple[str, str]] = []
        self._names: dict[str, Any] = {}
        self._function = "module"
        self._models: set[str] = set()
        self.visit(tree)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module is not None and node.module.split(".")[0] == "models":
            module = import_module(node.module)
            for alias in node.names:
                self._names[alias.asname or alias.name] = getattr(module, alias.name)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        before = self._function, self._models
        self._function, self._models = node.name, _models_among(node.args)
        self.generic_visit(node)
        self._function, self._models = before

    visit_FunctionDef = visit_AsyncFunctionDef = _visit_function  # noqa: N815

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func)
        owner, _, attribute = called.rpartition(".")
        if (attribute in QUERIES and self._is_model(owner)) or self._asks(called):
            self.found.append((self._function, called))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        self._note_sql(str(node.value))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._note_sql(ast.unparse(node))

    def _note_sql(self, text: str) -> None:
        if SQL.search(text):
            self.found.append((self._function, "SELECT"))

    def _is_model(self, name: str) -> bool:
        meant = self._meant(name)
        return name in self._models or (isinstance(meant, type) and issubclass(meant, Model))

    def _asks(self, name: str) -> bool:
        """Whether it is a function that asks the database, or a query that begins at nothing."""
        meant = self._meant(name)
        module = meant.__module__ if iscoroutinefunction(meant) else ""
        is_ours = module.startswith("models.") and module != "models.access"
        return is_ours or name.rpartition(".")[2] in {"QuerySet", "get_connection"}

    def _meant(self, name: str) -> object:
        first, *rest = name.split(".")
        return reduce(lambda found, part: getattr(found, part, None), rest, self._names.get(first))


def _models_among(arguments: ast.arguments) -> set[str]:
    """The parameters that are given a model."""
    return {
        argument.arg
        for argument in (*arguments.args, *arguments.kwonlyargs)
        if argument.annotation and ast.unparse(argument.annotation).startswith("type[")
    }


def reads() -> Iterator[tuple[str, str, str]]:
    folder = ROOT / "resolvers"
    for file in sorted(folder.rglob("*.py")):
        module = file.relative_to(folder).with_suffix("").as_posix()
        for function, expression in Reads(ast.parse(file.read_text())).found:
            yield module, function, expression


def test_every_read_starts_from_visible_but_for_those_with_a_reason() -> None:
    assert sorted(set(reads()) - set(EXCEPTIONS)) == []


def test_every_exception_is_still_needed() -> None:
    assert sorted(set(EXCEPTIONS) - set(reads())) == []


def found_in(source: str) -> list[tuple[str, str]]:
    return Reads(ast.parse(source)).found


def test_reads_that_skip_sight_are_found() -> None:
    source = """
from models import database, users
from models.access import visible
from models.companies import Company as Row
from models.people import managers_of
from models.database import rows

async def everything(model: type[M], ids):
    yield await Row.filter(id__in=ids).exclude(kind="VENDOR")
    yield await Row.annotate(n=Count("users")).get(id=1)
    yield await model.get_or_none(id=ids[0])
    yield [await managers_of(id) for id in ids]
    yield await rows("SELECT * FROM users")
    yield await database.rows(f"SELECT {columns} FROM users")
    yield await users.User.first()

def later():
    return lambda: Row.all()
"""

    assert found_in(source) == [
        ("everything", "Row.filter"),
        ("everything", "Row.annotate"),
        ("everything", "model.get_or_none"),
        ("everything", "managers_of"),
        ("everything", "rows"),
        ("everything", "SELECT"),
        ("everything", "database.rows"),
        ("everything", "SELECT"),
        ("everything", "users.User.first"),
        ("later", "Row.all"),
    ]


def test_reads_that_start_from_sight_and_writes_are_none() -> None:
    source = """
from models.access import caller_of, visible
from models.companies import Company

async def seen(caller, token):
    companies = visible(Company, caller).filter(kind="PARTNER")
    await Company.create(name="New")
    await caller_of(token)
    return await companies.get_or_none(id=1) or await companies.first()
"""

    assert found_in(source) == []
