"""Acting at a chosen moment of real work: before or after one of its calls, which is made all the same."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest


class Killed(BaseException):
    """What a test raises where a worker is to be killed; nothing of ours catches it."""


def act_before(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, act: Callable[[], object]) -> None:
    """Call `act` before every call of the owner's function or method of this name."""
    real = getattr(owner, name)

    @wraps(real)
    def call(*args: Any, **kwargs: Any) -> Any:
        act()
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, name, call)


def act_after(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, act: Callable[[], object]) -> None:
    """Call `act` after every call of the owner's function or method of this name."""
    real = getattr(owner, name)

    @wraps(real)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        act()
        return result

    monkeypatch.setattr(owner, name, call)


def once(act: Callable[[], object]) -> Callable[[], None]:
    """`act`, the first time only; calls that it makes itself do not count."""
    done: list[bool] = []

    def act_once() -> None:
        if not done:
            done.append(True)
            act()

    return act_once


def kill() -> None:
    """End the work here, as a killed worker's."""
    raise Killed
