"""The running service that a command talks to, and the demo tenant's key for it."""

import logging
import os
import time
from collections.abc import Callable
from typing import Final

import httpx

from vitrine.client import VitrineClient
from vitrine.errors import ServiceUnreachable

_DEFAULT_WAIT_S: Final = 120.0


def find_url() -> str:
    """The address from VITRINE_URL. Raises `ServiceUnreachable` where it is not set."""
    url = os.environ.get("VITRINE_URL", "").strip()
    if not url:
        message = (
            "VITRINE_URL is not set, so there is no service to talk to. Start one with `make up`, or run "
            "this command within `python -m stack run --processes -- ...`, which sets it."
        )
        raise ServiceUnreachable("no_url", message)
    return url.rstrip("/")


def open_client() -> VitrineClient:
    """A client with the demo tenant's key; makes tenant and key where they are missing."""
    # A line per request would bury the table that the command prints.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    from tenants.domain.bootstrap import ensure_demo_tenant  # noqa: PLC0415 - needs Django's apps to be loaded

    return VitrineClient(find_url(), ensure_demo_tenant().key)


def wait_until_ready(url: str, *, wait_s: float = _DEFAULT_WAIT_S, tell: Callable[[str], None]) -> None:
    """Return once /readyz says so; workers may still be loading their models. Raises `ServiceUnreachable`."""
    deadline = time.monotonic() + wait_s
    while True:
        said = _ask_readiness(url)
        if said is None:
            return
        if time.monotonic() > deadline:
            raise ServiceUnreachable("not_ready", f"{url} is not ready after {wait_s:g} s: {said}")
        tell("waiting for the service to be ready")
        time.sleep(0.5)


def _ask_readiness(url: str) -> str | None:
    """None when ready, else what is amiss."""
    try:
        response = httpx.get(f"{url}/readyz", timeout=10, trust_env=False)
    except httpx.HTTPError as error:
        return f"no answer ({error})"
    return None if response.is_success else response.text[:500]
