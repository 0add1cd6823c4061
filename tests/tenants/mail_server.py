"""An SMTP server that says what the test wants to every recipient, and keeps what it takes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, TCPServer


@dataclass
class MailServer:
    """Where it listens; `to_recipient` is its answer to RCPT."""

    port: int
    to_recipient: str = "250 OK"
    taken: list[str] = field(default_factory=list)


@contextmanager
def open_mail_server() -> Iterator[MailServer]:
    """A server on loopback, for one mail at a time."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 ready")
            while line := self.rfile.readline().decode().strip():
                self.answer(line.partition(" ")[0].partition(":")[0].upper())

        def answer(self, verb: str) -> None:
            if verb == "DATA":
                self.say("354 go on")
                opened.taken.append("".join(iter(lambda: self.rfile.readline().decode(), ".\r\n")))
            self.say(opened.to_recipient if verb == "RCPT" else "250 OK")

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    with TCPServer(("127.0.0.1", 0), Handler) as server:
        opened = MailServer(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield opened
        finally:
            server.shutdown()
            thread.join()
