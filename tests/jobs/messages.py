"""The broker's messages as they lie in Valkey, read as a worker reads them."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import redis


@dataclass(frozen=True)
class Message:
    """One task that was asked for."""

    task: str
    args: list[Any]


def read_message(raw: bytes | str) -> Message:
    """A message of kombu's Redis transport."""
    message = json.loads(raw)
    args, _, _ = json.loads(base64.b64decode(message["body"]))
    return Message(task=message["headers"]["task"], args=args)


def list_messages(broker: "redis.Redis", queue: str) -> list[Message]:
    """The messages that wait in the queue, oldest first."""
    return [read_message(raw) for raw in reversed(broker.lrange(queue, 0, -1))]


def take_message(broker: "redis.Redis", queue: str, seconds: float = 10) -> Message:
    """The oldest message of the queue; waits for one."""
    taken = broker.brpop([queue], timeout=seconds)
    assert taken is not None, f"no message came to {queue}"
    return read_message(taken[1])
