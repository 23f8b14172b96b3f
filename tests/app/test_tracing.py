"""Spans are sent where OpenTelemetry's settings say so; without them nothing of it is loaded."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.database import migrate
from tests.http.server import Server
from tests.postgres import free_port
from tests.processes import environment

TRACE = "0af7651916cd43dd8448eb211c80319c"


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """Its address, and the spans that it was sent."""
    spans: list[Any] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                raise AssertionError("compressed")
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_each_request_is_a_span_of_its_client_s_trace(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path / 'canopy.sqlite3'}"
    await migrate(url)
    with collector() as (endpoint, spans):
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "CANOPY_EMBEDDED_WORKER": "false"}
        async with (
            Server(url, free_port(), tmp_path / "log", **settings) as server,
            httpx.AsyncClient(base_url=server.url, timeout=20) as client,
        ):
            await client.post(
                "/graphql",
                json={"query": "query Whoever { viewer { user { id } } }"},
                headers={
                    "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
                    "X-Request-Id": "of-the-client-7",
                },
            )

    [span] = [span for span in spans if span.name == "Whoever"]
    told = {pair.key: pair.value for pair in span.attributes}
    assert span.trace_id.hex() == TRACE
    assert span.end_time_unix_nano > span.start_time_unix_nano
    assert told["canopy.request"].string_value == "of-the-client-7"
    assert told["http.response.status_code"].int_value == 200
    assert "GET /health/ready" in {span.name for span in spans}


def test_without_its_settings_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    script = (
        "import sys, app.asgi; app.asgi.from_environment();"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"
