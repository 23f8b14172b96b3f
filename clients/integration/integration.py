"""A customer's system: its people become learners, it orders, and hands out what it is assigned.

    CANOPY_ADDRESS=https://… CANOPY_TOKEN=cnp_… HOOKS_PORT=9000 HOOKS_URL=https://… \\
        python integration.py people.csv PO-2041

It may be ended at any time and run again: nothing is done twice. docs/integrating.md explains it.
"""

import csv
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
from gql import Client, GraphQLRequest, gql
from gql.transport.exceptions import TransportConnectionFailed, TransportServerError
from gql.transport.httpx import HTTPXTransport
from standardwebhooks import Webhook, WebhookVerificationError

ADDRESS = os.environ["CANOPY_ADDRESS"]
HEADERS = {"Authorization": f"Bearer {os.environ['CANOPY_TOKEN']}"}
HOOKS_PORT, HOOKS_URL = int(os.environ["HOOKS_PORT"]), os.environ["HOOKS_URL"]
MIRROR = Path("learners.json")
OVERLAP = timedelta(minutes=10)
TRIES = 5
LOOK_AGAIN = 60
"""Seconds after which the order is looked at though no event came."""
OPEN = {"REQUESTED", "PARTIALLY_ASSIGNED"}

ERRORS = "errors { code message path }"
IMPORT = gql(f"""
    mutation Import($csv: String!) {{
      importUsers(input: {{csv: $csv, allocate: false}}) {{
        created updated unchanged rowErrors {{ line column message }} {ERRORS}
      }}
    }}
""")
CHANGED = gql("""
    query Changed($since: DateTime!, $after: String) {
      users(first: 200, after: $after,
            filter: {updatedAt: {gte: $since}, status: [INVITED, ACTIVE, REMOVED]}) {
        edges { node { id externalId email status license { expiresAt } } }
        pageInfo { hasNextPage endCursor }
      }
    }
""")
WATCH = gql(f"""
    mutation Watch($url: String!) {{
      createWebhookEndpoint(
        input: {{url: $url, events: [ORDER_ASSIGNED, ORDER_DECLINED, ORDER_CANCELLED]}}
      ) {{ secret webhookEndpoint {{ id }} {ERRORS} }}
    }}
""")
UNWATCH = gql(f"""
    mutation Unwatch($id: ID!) {{
      deleteWebhookEndpoint(input: {{webhookEndpointId: $id}}) {{ {ERRORS} }}
    }}
""")
REQUEST = gql(f"""
    mutation Request($quantity: Int!, $purchaseOrder: String!, $key: String!) {{
      requestLicenses(
        input: {{quantity: $quantity, purchaseOrder: $purchaseOrder, idempotencyKey: $key}}
      ) {{ order {{ id number status }} {ERRORS} }}
    }}
""")
LOOK = gql("""
    query Look($id: ID!) { node(id: $id) { ... on Order { id number status decisionReason } } }
""")
ALLOCATE = gql(f"""
    mutation Allocate($order: ID!, $emails: [String!]!) {{
      allocateLicenses(input: {{orderId: $order, emails: $emails, onShortage: PARTIAL}}) {{
        licenses {{ id }} alreadyLicensed {{ id }} unknownEmails shortage {ERRORS}
      }}
    }}
""")

Json = dict[str, Any]


class Refused(Exception):
    """A rule said no, and nothing was written. `code` is for programs, the rest for people."""

    def __init__(self, error: Json) -> None:
        where = ".".join(error["path"] or [])
        super().__init__(f"{error['code']} {where}: {error['message']}")
        self.code = error["code"]


class Canopy:
    """Asks again when nobody answered. Each document here may be sent twice without harm."""

    def __init__(self) -> None:
        self._client = Client(transport=HTTPXTransport(ADDRESS + "/graphql", headers=HEADERS))

    def ask(self, document: GraphQLRequest, **variables: object) -> Any:
        """The one root field. Raises TransportQueryError for what should never be sent."""
        asked = GraphQLRequest(document, variable_values=variables)
        for tried in range(TRIES):
            try:
                [value] = self._client.execute(asked).values()
            except (TransportConnectionFailed, TransportServerError) as error:
                status = getattr(error, "code", None) or 503
                if tried == TRIES - 1 or (status < 500 and status != 429):
                    raise
                time.sleep(2**tried)
            else:
                return value
        raise AssertionError("unreachable")

    def do(self, document: GraphQLRequest, **variables: object) -> Json:
        """The payload of a mutation. Raises Refused."""
        payload: Json = self.ask(document, **variables)
        for error in payload["errors"]:
            raise Refused(error)
        return payload


def main(people: str, purchase_order: str) -> None:
    canopy = Canopy()
    emails = sync_learners(canopy, Path(people).read_text())
    with watching(canopy) as events:
        order = canopy.do(
            REQUEST,
            quantity=len(emails),
            purchaseOrder=purchase_order,
            key=f"request {purchase_order}",
        )["order"]
        order = until_decided(canopy, order["id"], events)
    if order["status"] == "ASSIGNED":
        done = canopy.do(ALLOCATE, order=order["id"], emails=emails)
        had, missing = len(done["alreadyLicensed"]), done["shortage"]
        print(f"Allocated {len(done['licenses'])}, had one {had}, went without {missing}.")
    else:
        print(f"Nothing to allocate: {order['decisionReason'] or 'no reason was given'}.")
    print(f"{mirror(canopy)} learners changed.")
    print(f"{export()} licenses exported.")


def sync_learners(canopy: Canopy, text: str) -> list[str]:
    """Everybody of the file is a learner, or nobody new is; matched by externalId, then email."""
    done = canopy.do(IMPORT, csv=text)
    for fault in done["rowErrors"]:
        print(f"Line {fault['line']}, {fault['column']}: {fault['message']}", file=sys.stderr)
    if done["rowErrors"]:
        sys.exit(1)
    print(f"{done['created']} new, {done['updated']} changed, {done['unchanged']} as before.")
    return [row["email"] for row in csv.DictReader(text.splitlines())]


@contextmanager
def watching(canopy: Canopy) -> Iterator[queue.Queue[Json]]:
    """What happens to orders from now on. In earnest it is a service that is always there."""
    events: queue.Queue[Json] = queue.Queue()
    made = canopy.do(WATCH, url=HOOKS_URL)
    webhook = Webhook(made["secret"])

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                events.put(webhook.verify(body, dict(self.headers)))
            except WebhookVerificationError:
                self.send_response(400)
            else:
                self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    receiver = HTTPServer(("127.0.0.1", HOOKS_PORT), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    try:
        yield events
    finally:
        receiver.shutdown()
        canopy.do(UNWATCH, id=made["webhookEndpoint"]["id"])


def until_decided(canopy: Canopy, id: str, events: queue.Queue[Json]) -> Json:
    """The order when it is open no more. An event may come twice, or late: it says when to look."""
    while True:
        order: Json = canopy.ask(LOOK, id=id)
        print(f"{order['number']} is {order['status']}.", flush=True)
        if order["status"] not in OPEN:
            return order
        with suppress(queue.Empty):
            event = events.get(timeout=LOOK_AGAIN)
            print(f"Told of {event['type']}.", flush=True)


def mirror(canopy: Canopy) -> int:
    """Bring the copy of the learners up to date with what changed since the last run."""
    kept = json.loads(MIRROR.read_text()) if MIRROR.exists() else {"since": None, "learners": {}}
    begun = datetime.now(UTC)
    since = kept["since"] or "2000-01-01T00:00:00Z"
    changed, after = 0, None
    while True:
        page = canopy.ask(CHANGED, since=since, after=after)
        for learner in (edge["node"] for edge in page["edges"]):
            changed += 1
            kept["learners"][learner["id"]] = learner
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    kept["since"] = (begun - OVERLAP).isoformat()
    MIRROR.write_text(json.dumps(kept))
    return changed


def export() -> int:
    """All licenses as a file."""
    with httpx.stream("GET", f"{ADDRESS}/export/licenses.csv", headers=HEADERS) as answer:
        answer.raise_for_status()
        with Path("licenses.csv").open("wb") as file:
            file.writelines(answer.iter_bytes())
    with Path("licenses.csv").open(newline="") as file:
        return sum(1 for _ in csv.DictReader(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
