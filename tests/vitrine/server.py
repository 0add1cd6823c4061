"""A real HTTP server on loopback in the place of the service: it answers from a script."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from vitrine.client import VitrineClient
from vitrine.transport import Patience

Answer = tuple[int, dict[str, str], bytes]
# In the script: the connection breaks instead of an answer.
BROKEN: Answer = (0, {}, b"")


@dataclass
class Server:
    """A real HTTP server on loopback that answers from a script and remembers what it was asked."""

    url: str
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    authorisations: set[str] = field(default_factory=set)
    call_keys: list[str | None] = field(default_factory=list)
    script: Iterator[Answer] = field(default_factory=lambda: iter(()))


@contextmanager
def serve() -> Iterator[Server]:
    """Serve on a free port for the block."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.asked.append((self.command, self.path, body))
            found.authorisations.add(self.headers["Authorization"])
            found.call_keys.append(self.headers["Idempotency-Key"])
            status, headers, content = next(found.script)
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, *_arguments: object) -> None:
            """Silence: the test looks at `asked`."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Server(f"http://127.0.0.1:{listener.server_address[1]}")
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
    thread.start()
    yield found
    listener.shutdown()
    thread.join()
    listener.server_close()


def make_json(body: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def make_problem(status: int, code: str, detail: str, **headers: str) -> Answer:
    body = {"code": code, "detail": detail, "request_id": "r-1"}
    return status, {"Content-Type": "application/problem+json", **headers}, json.dumps(body).encode()


def make_busy(seconds: int) -> Answer:
    status, headers, body = make_problem(503, "workers_saturated", "All workers are busy.")
    return status, {**headers, "Retry-After": str(seconds)}, body


def open_client(server: Server, pauses: list[float] | None = None, *, busy_s: float = 30) -> VitrineClient:
    """A client that notes its pauses instead of pausing."""
    noted = [] if pauses is None else pauses
    return VitrineClient(
        server.url, "vtr_k_s", patience=Patience(answer_s=5, busy_s=busy_s), sleep=noted.append
    )
