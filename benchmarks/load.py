"""The load generator: a process of its own, so that what it costs is not the server's.

It needs the standard library alone, and starts in no time.

Each connection sends its next request when it has the last answer. One thread and `epoll`, nothing
between: an answer costs it 15 to 30 us, so that it is far from being what limits the servers here
(`ceiling` in the results is what it reaches against a server that answers at once).
"""

import json
import select
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any, Final

HOST: Final = "127.0.0.1"
END_OF_HEAD: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length: "
OK: Final = b" 200 "


def request(path: str, body: Any, token: str = "") -> str:
    """The whole of it, as it is sent, in ASCII."""
    content = json.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"{head}{authorization}Content-Length: {len(content)}\r\n\r\n{content}"


class Connection:
    """One socket, with what it still has to ask."""

    def __init__(self, port: int, requests: Iterator[bytes]) -> None:
        self.socket = socket.create_connection((HOST, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._began = 0.0
        self._received = bytearray()
        self._missing = 0

    def ask(self) -> bool:
        """False when there is nothing left to ask."""
        for text in self._requests:
            self._began = time.perf_counter()
            self.socket.sendall(text)
            return True
        return False

    def hear(self) -> float | None:
        """Seconds that the answer took, once all of it is here. Raises where it is no success."""
        part = self.socket.recv(1 << 20)
        assert part, "the server hung up"
        if self._missing:
            self._missing -= len(part)
            return None if self._missing else time.perf_counter() - self._began
        self._received += part
        end = self._received.find(END_OF_HEAD)
        if end < 0:
            return None
        head = bytes(self._received[:end]).lower()
        assert OK in head[:16], bytes(self._received)
        at = head.index(LENGTH) + len(LENGTH)
        length = int(head[at:].partition(b"\r\n")[0])
        self._missing = end + len(END_OF_HEAD) + length - len(self._received)
        self._received.clear()
        return None if self._missing else time.perf_counter() - self._began


def run(port: int, streams: Sequence[Sequence[str]], seconds: float | None) -> dict[str, Any]:
    """One connection for each stream of requests: over and over until the time is up, or once."""
    told = [[text.encode() for text in stream] for stream in streams]
    connections = [Connection(port, cycle(each) if seconds else iter(each)) for each in told]
    poll = select.epoll()
    by_file = {connection.socket.fileno(): connection for connection in connections}
    for file in by_file:
        poll.register(file, select.EPOLLIN)
    taken: list[float] = []
    began = time.perf_counter()
    end = began + (seconds or 600)
    asking = sum(connection.ask() for connection in connections)
    while asking:
        for file, _ in poll.poll():
            connection = by_file[file]
            took = connection.hear()
            if took is not None:
                taken.append(took)
                if time.perf_counter() > end or not connection.ask():
                    asking -= 1
    return {"seconds": time.perf_counter() - began, "taken": taken}


if __name__ == "__main__":
    json.dump(run(**json.load(sys.stdin)), sys.stdout)
