"""What was acknowledged is looked for itself: as many others do not make up for it."""

from typing import Any, Final

import httpx

from tests.faults.load import LICENSES, Load, There, lost
from tests.http.client import Client

A, B, X, Y = (f"{letter}@customer.example" for letter in "abxy")
THERE: Final = There(
    orders={"1": ("ORD-1", LICENSES), "2": ("ORD-2", LICENSES), "3": ("ORD-3", 0)},
    learners={A: ("a", "license 1"), B: ("b", "license 2"), X: ("x", None)},
)


def test_what_was_acknowledged_is_told_as_lost_where_as_much_else_is_there() -> None:
    def acknowledged(**told: Any) -> list[str]:
        return lost(Load(Client(httpx.AsyncClient()), "customer", **told), THERE)

    assert acknowledged() == []
    assert (
        acknowledged(
            requested={"1": "ORD-1", "3": "ORD-3"},
            assigned={"1": "ORD-1", "2": "ORD-2"},
            added={A: "a", X: "x"},
            licensed={A: "license 1", B: "license 2"},
        )
        == []
    )
    assert acknowledged(requested={"1": "ORD-1", "8": "ORD-8", "2": "ORD-9"}) == [
        "the order ORD-8",
        "the order ORD-9",
    ]
    assert acknowledged(assigned={"1": "ORD-1", "3": "ORD-3", "8": "ORD-8"}) == [
        "licenses of ORD-3",
        "licenses of ORD-8",
    ]
    assert acknowledged(added={A: "another", Y: "y"}) == [f"the learner {A}", f"the learner {Y}"]
    assert acknowledged(licensed={A: "license 2", X: "license 3", Y: "license 4"}) == [
        f"the license of {A}",
        f"the license of {X}",
        f"the license of {Y}",
    ]
