"""Real servers on loopback that say exactly the bytes a test wants, as slowly and as often as it wants."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from outbound.policy import FetchPolicy

# Writes the answer to a request (its head) into the connection, which is closed after it.
Speak = Callable[[socket.socket, bytes], None]


@dataclass
class Server:
    """A server that runs. asked: the heads of all requests so far. met: connections accepted."""

    host: str
    port: int
    scheme: str
    asked: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    met: int = 0
    ending: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


@contextmanager
def serve(
    speak: Speak, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """Serve for the block."""
    listener = socket.create_server((host, port))
    server = Server(host, listener.getsockname()[1], "https" if tls else "http")
    threads: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                server.met += 1
                thread = threading.Thread(target=_converse, args=(server, speak, connection, tls))
                threads.append(thread)
                thread.start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        server.ending.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in [acceptor, *threads]:
            thread.join(10)


def _converse(server: Server, speak: Speak, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError), connection:
        connection.settimeout(10)
        talking = tls.wrap_socket(connection, server_side=True) if tls else connection
        with talking:
            head, body = _read_request(talking)
            server.asked.append(head)
            server.bodies.append(body)
            speak(talking, head)


def _read_request(connection: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return data, b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    size = next(
        (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < size and (part := connection.recv(65536)):
        body += part
    return head, body


def say(status: int, body: bytes = b"", **headers: str) -> Speak:
    """A whole, honest answer; `content_type` becomes Content-Type."""
    named = {"Content-Length": str(len(body))} | {
        key.replace("_", "-").title(): value for key, value in headers.items()
    }
    return say_raw(write_head(status, named) + body)


def write_head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} So", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def say_raw(data: bytes) -> Speak:
    """Exactly these bytes."""

    def speak(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(data)

    return speak


def lead_to(*places: str) -> Speak:
    """Lead to each place in turn, by the order of the paths /0, /1, ...; the first also from any other."""

    def speak(connection: socket.socket, head: bytes) -> None:
        path = head.split(b" ")[1].lstrip(b"/")
        place = places[int(path)] if path.isdigit() else places[0]
        connection.sendall(write_head(302, {"Location": place, "Content-Length": "0"}))

    return speak


def allow(*servers: Server, **rules: object) -> FetchPolicy:
    """A policy that lets a test reach its servers, and no other port."""
    ports = frozenset(server.port for server in servers)
    given: dict[str, object] = {"https_only": False, "allow_private": True, "ports": ports, "timeout_s": 5.0}
    return FetchPolicy(**(given | rules))  # type: ignore[arg-type] # rules by name, as the test gives them
