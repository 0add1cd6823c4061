"""One stack for all of the chaos, and a shop on it."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.whole import Patient, Whole, run_whole, wait_until


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    given = os.environ.get("CHAOS_VAR")
    with run_whole(Path(given) if given else tmp_path_factory.mktemp("chaos")) as running:
        yield running


@pytest.fixture(scope="session")
def shop(whole: Whole) -> Iterator[Patient]:
    with contextlib.closing(Patient(whole)) as patient:
        yield patient


def open_gallery(shop: Patient) -> str:
    """A new gallery that is ready."""
    gallery: str = shop.send("POST", "/v1/galleries", json={"name": f"chaos {time.time_ns()}"})["id"]
    wait_until(
        lambda: shop.send("GET", f"/v1/galleries/{gallery}")["state"] == "ready", "the gallery is ready", 120
    )
    return gallery
