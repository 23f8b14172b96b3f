"""Refusals: a rule said no. They are data for the caller, and nothing was written."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

Path = tuple[str | int, ...]


class Refusal(Exception):
    """`path` names the argument at fault, in the words of the operation's parameters.

    `attempts` are counted although nothing else is written.
    """

    code: ClassVar[str]

    def __init__(
        self, message: str, path: Path | None = None, *, attempts: tuple[Any, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.attempts = attempts

    @property
    def all(self) -> tuple["Refusal", ...]:
        return (self,)

    @property
    def told(self) -> Mapping[str, Any]:
        """What else an answer tells, by the words of the operation's result."""
        return {}


class Refusals(Refusal):
    """Several faults of one call, told at once."""

    code = "INVALID_INPUT"

    def __init__(self, refusals: Iterable[Refusal], *, attempts: tuple[Any, ...] = ()) -> None:
        self._all = tuple(refusals)
        super().__init__("; ".join(fault.message for fault in self._all), attempts=attempts)

    @property
    def all(self) -> tuple[Refusal, ...]:
        return self._all


class NotFound(Refusal):
    """Unknown, or out of the caller's sight: the two are never told apart."""

    code = "NOT_FOUND"

    def __init__(self, what: str, path: Path | None = None) -> None:
        super().__init__(f"There is no such {what} here.", path)


class Forbidden(Refusal):
    code = "FORBIDDEN"


class InvalidInput(Refusal):
    code = "INVALID_INPUT"


class Duplicate(Refusal):
    code = "DUPLICATE"


class Conflict(Refusal):
    code = "CONFLICT"


class Busy(Conflict):
    """Lost against others who write at the same moment, as often as it was tried."""

    def __init__(self) -> None:
        super().__init__("Too many are writing at this moment: nothing was done. Try again.")


class OrderNotOpen(Refusal):
    code = "ORDER_NOT_OPEN"

    def __init__(self, number: str, status: str) -> None:
        self.number = number
        told = status.lower().replace("_", " ")
        super().__init__(f"Order {number} is {told}: it is too late for this.", ("order_id",))


class InsufficientLicenses(Refusal):
    code = "INSUFFICIENT_LICENSES"

    def __init__(self, wanted: int, free: int) -> None:
        self.missing = wanted - free
        self.figures = f"Licenses needed: {wanted:,}; free: {free:,}; missing: {self.missing:,}."
        super().__init__(f"{self.figures} Request more, or send onShortage: PARTIAL.")

    @property
    def told(self) -> Mapping[str, Any]:
        return {"shortage": self.missing}


class AlreadyLicensed(Refusal):
    code = "ALREADY_LICENSED"


class LicenseExpired(Refusal):
    code = "LICENSE_EXPIRED"


class InvalidCredentials(Refusal):
    code = "INVALID_CREDENTIALS"

    def __init__(self) -> None:
        super().__init__("The email address or the password is wrong.")


class LockedOut(Refusal):
    code = "LOCKED_OUT"

    def __init__(self, locked_for: timedelta) -> None:
        minutes = locked_for // timedelta(minutes=1)
        super().__init__(f"Too many wrong passwords: try again in {minutes} minutes.")


class RateLimited(Refusal):
    code = "RATE_LIMITED"


class TokenInvalid(Refusal):
    code = "TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__(
            "This link has been used, has expired, or a newer one was sent.", ("token",)
        )


class IdempotencyKeyReused(Refusal):
    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__(
            "This idempotency key was used with another mutation or another input.",
            ("idempotency_key",),
        )


class Unauthenticated(Exception):
    """Nobody is signed in: no refusal by a rule, but an error of the whole field."""


class ScopeMissing(Exception):
    """An API token asks for what it was not given: an error of the whole field."""


class BadUserInput(Exception):
    """An argument of a list that cannot be answered: a page size, or a cursor of another list."""

    def __init__(self, message: str, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument
