"""Probes of the operator: is the web server alive, and is everything there that a request needs?"""

from collections.abc import Callable

import redis
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, JsonResponse

from jobs.admission import QUEUE
from jobs.errors import Unavailable
from jobs.presence import list_workers
from jobs.valkey import connect_valkey
from retrieval.index.store import connect_store


def livez(_request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def readyz(_request: HttpRequest) -> JsonResponse:
    """Database, broker, Milvus, and a recognition worker with its models loaded; 503 names what is away."""
    parts = {name: _check_part(check) for name, check in _PARTS.items()}
    ready = all(state == "ok" for state in parts.values())
    body = {"status": "ok" if ready else "unavailable", "parts": parts}
    return JsonResponse(body, status=200 if ready else 503)


def _check_part(check: Callable[[], None]) -> str:
    """`ok`, or what kind of failure; never an address or a credential."""
    try:
        check()
    except (DatabaseError, redis.RedisError, Unavailable) as error:
        return f"away ({type(error).__name__})"
    return "ok"


def _check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _check_broker() -> None:
    connect_valkey().ping()


def _check_index() -> None:
    connect_store().check()


def _check_models() -> None:
    if not list_workers(QUEUE):
        raise Unavailable("No recognition worker.", code="workers_away", retry_after=5)


_PARTS: dict[str, Callable[[], None]] = {
    "database": _check_database,
    "broker": _check_broker,
    "milvus": _check_index,
    "models": _check_models,
}
