"""Asks the service as it is set in production a few things, in a Python of its own; prints JSON."""

import json
import sys
from dataclasses import asdict, dataclass

import django

HOST = "vitrine.example.com"
TLS = {"X-Forwarded-Proto": "https"}
PLAIN = {"X-Forwarded-Proto": "http"}
BROWSER = {"Accept": "text/html"}


@dataclass(frozen=True)
class Answer:
    """What came back, with the names of its headers in small letters."""

    status: int
    headers: dict[str, str]
    body: str


# By name: the host, the path and what else is sent.
REQUESTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "problem": (HOST, "/v1/galleries", TLS),
    "unknown": (HOST, "/v1/nothing", TLS),
    "page": (HOST, "/account/login/", TLS | BROWSER),
    "unknown page": (HOST, "/nothing", TLS | BROWSER),
    "other host": ("evil.example", "/v1/galleries", TLS),
    "other host, no TLS": ("evil.example", "/v1/galleries", PLAIN),
    "no TLS": (HOST, "/v1/galleries?limit=2", PLAIN),
    "live": ("localhost:8000", "/livez", {}),
    "ready": ("localhost:8000", "/readyz", {}),
}


def ask(host: str, path: str, headers: dict[str, str]) -> Answer:
    from django.test import Client  # noqa: PLC0415 - needs Django to be set up

    answer = Client(raise_request_exception=False).get(path, headers={**headers, "Host": host})
    names = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(answer.status_code, names, answer.content.decode())


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps({name: asdict(ask(*request)) for name, request in REQUESTS.items()}))
