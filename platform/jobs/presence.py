"""Which workers are there: each says so every two seconds, and counts as gone six seconds after.

One hash a queue, so that a request learns it in one round trip. The clocks of the machines must agree to a
second or two, as any time service makes them.
"""

import json
import logging
import threading
import time
from typing import Any

import redis

from jobs.valkey import connect_valkey

FADES_AFTER_S = 6
_EVERY_S = 2
_log = logging.getLogger(__name__)


def announce_worker(*, queue: str, hostname: str, facts: dict[str, Any], stop: threading.Event) -> None:
    """Keep saying that this worker serves the queue, until `stop` is set. Meant to run in a thread.

    facts: what `/readyz` shows, such as the models loaded.
    """
    while not stop.is_set():
        try:
            _announce_once(queue, hostname, facts)
        except redis.RedisError as error:
            _log.warning("cannot announce %s: %s", hostname, error)
        stop.wait(_EVERY_S)
    try:
        connect_valkey().hdel(key_of(queue), hostname)
    except redis.RedisError as error:
        _log.warning("cannot take back the announcement of %s: %s", hostname, error)


def list_workers(queue: str) -> list[dict[str, Any]]:
    """Facts of each worker that serves the queue now. Raises `redis.RedisError` when Valkey is away."""
    said = [json.loads(value) for value in connect_valkey().hgetall(key_of(queue)).values()]
    return [entry["facts"] for entry in said if entry["until"] > time.time()]


def _announce_once(queue: str, hostname: str, facts: dict[str, Any]) -> None:
    said = json.dumps({"until": time.time() + FADES_AFTER_S, "facts": facts})
    with connect_valkey().pipeline() as pipe:
        pipe.hset(key_of(queue), hostname, said)
        pipe.expire(key_of(queue), FADES_AFTER_S)
        pipe.execute()


def key_of(queue: str) -> str:
    """The hash of the queue's workers, by name: in JSON, `until` when they are there, and their `facts`."""
    return f"vitrine:present:{queue}"
