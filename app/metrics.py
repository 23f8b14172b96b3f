"""What Prometheus is told of this process; or of all the processes of one `canopy serve`.

`canopy serve --workers N` names a folder in PROMETHEUS_MULTIPROC_DIR. What its processes count they
write down there, and whichever of them is asked tells the sums.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.values import ValueClass

from schema.errors import HEARERS

MOST_NAMES: Final = 200
LONGEST_NAME: Final = 64
MAIL: Final = "mail"
WEBHOOK: Final = "webhook"
UNNAMED: Final = "unnamed"
OTHER: Final = "other"
"""An operation of strangers, or one name too many."""
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
IS_SHARED: Final[bool] = ValueClass._multiprocess

registry: Final = CollectorRegistry()
if not IS_SHARED:
    ProcessCollector(registry=registry)

requests: Final = Counter(
    "canopy_requests", "Requests answered.", ["method", "status"], registry=registry
)
operations: Final = Histogram(
    "canopy_operation_seconds",
    "How long GraphQL operations took, from the request's beginning to the answer's end.",
    ["operation"],
    buckets=BUCKETS,
    registry=registry,
)
running: Final = Gauge(
    "canopy_operations_running",
    "GraphQL operations at work, and pages of downloads.",
    multiprocess_mode="livesum",
    registry=registry,
)
waiting: Final = Gauge(
    "canopy_operations_waiting",
    "GraphQL operations and downloads that wait for their turn.",
    multiprocess_mode="livesum",
    registry=registry,
)
refusals: Final = Counter(
    "canopy_refusals", "What was refused, and errors, by their code.", ["code"], registry=registry
)
limited: Final = Counter(
    "canopy_rate_limited", "Requests beyond a rate, by whose it is.", ["of"], registry=registry
)
sockets: Final = Gauge(
    "canopy_sockets_open", "WebSockets.", multiprocess_mode="livesum", registry=registry
)
subscriptions: Final = Gauge(
    "canopy_subscriptions_running",
    "GraphQL subscriptions.",
    multiprocess_mode="livesum",
    registry=registry,
)
deliveries: Final = Counter(
    "canopy_deliveries",
    "What a worker inside these processes sent, and how the other side took it.",
    ["what", "outcome"],
    registry=registry,
)
pool_size: Final = Gauge(
    "canopy_pool_connections",
    "Connections to PostgreSQL in the pool.",
    multiprocess_mode="livesum",
    registry=registry,
)
pool_used: Final = Gauge(
    "canopy_pool_connections_in_use",
    "Connections to PostgreSQL at work.",
    multiprocess_mode="livesum",
    registry=registry,
)
pool_most: Final = Gauge(
    "canopy_pool_connections_max",
    "Connections that these processes may have.",
    multiprocess_mode="livesum",
    registry=registry,
)

_names: Final[set[str]] = set()
_requests_of: Final = cache(requests.labels)
_operations_of: Final = cache(operations.labels)
"""Of few names each, as `measured_name` sees to."""


def measured_name(name: str | None, *, by_known: bool) -> str:
    """What an operation is counted as: names that callers with a token use, and few of them."""
    if not name:
        return UNNAMED
    if by_known and len(_names) < MOST_NAMES and len(name) <= LONGEST_NAME:
        _names.add(name)
    return name if name in _names else OTHER


def note_request(method: str, status: int, operation: str, seconds: float) -> None:
    _requests_of(method, status).inc()
    if operation:
        _operations_of(operation).observe(seconds)


def note_refusal(code: str) -> None:
    refusals.labels(code).inc()


HEARERS.add(note_refusal)


def note_delivery(what: str, outcome: str) -> None:
    deliveries.labels(what, outcome).inc()


@contextmanager
def counted(gauge: Gauge) -> Iterator[None]:
    gauge.inc()
    try:
        yield
    finally:
        gauge.dec()
