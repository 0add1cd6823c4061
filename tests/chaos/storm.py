"""kill -9 at random, again and again, until every part has been killed often enough."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence

from tests.chaos.whole import Whole

BROKER_EMPTIED = "broker emptied"
# Bulk and recognition workers are threads of one process each, the web server's worker is a child of its own.
VICTIMS = (
    "bulk",
    "recognize",
    "webhooks",
    "web",
    "web-child",
    "beat",
    "valkey",
    "postgres",
    "milvus",
    BROKER_EMPTIED,
)


def rage(
    whole: Whole, *, rounds: int, seed: int, is_over: Callable[[], bool], victims: Sequence[str] = VICTIMS
) -> Counter[str]:
    """Kill each victim `rounds` times in random order, whatever is going on; how often each was.

    The next comes at a random moment after the last, sometimes before everything is back. Ends early when
    the work is over: what is killed then proves nothing.
    """
    chance = random.Random(seed)
    order = [name for name in victims for _ in range(rounds)]
    chance.shuffle(order)
    killed: Counter[str] = Counter()
    for name in order:
        if is_over():
            break
        _strike(whole, name)
        killed[name] += 1
        time.sleep(chance.uniform(0.5, 4))
        if chance.random() < 0.7:
            whole.wait_ready()
    whole.wait_ready()
    return killed


def _strike(whole: Whole, name: str) -> None:
    if name == BROKER_EMPTIED:
        whole.wait_ready()
        whole.empty_broker()
    else:
        _wait_child(whole, name)
        whole.kill(name)


def _wait_child(whole: Whole, name: str) -> None:
    """Whatever was killed last is up again, though maybe not ready."""
    parent = name.removesuffix("-child")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        marks = [mark for mark in whole.record.children if mark.name == parent]
        process = marks[0].find() if marks else None
        if process is not None and (name == parent or process.children()):
            return
        time.sleep(0.2)
    raise AssertionError(f"{name} was not started again within 60 s")
