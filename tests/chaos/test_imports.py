"""An import while everything is killed at random. `make chaos` runs more of it than the suite."""

import os
import time

import pytest

from tests.chaos.catalogue import Archive, draw_archive
from tests.chaos.conftest import open_gallery
from tests.chaos.storm import VICTIMS, rage
from tests.chaos.whole import Patient, Whole, list_wrong, wait_until

# `make chaos` sets more.
PHOTOS = int(os.environ.get("CHAOS_PHOTOS", "500"))
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
SEED = int(os.environ.get("CHAOS_SEED", "20261121"))
_TERMINAL = {"succeeded", "failed", "errored", "cancelled"}

pytestmark = pytest.mark.timeout(60 + 4 * PHOTOS + 60 * ROUNDS * len(VICTIMS))


def start_import(shop: Patient, gallery: str, archive: Archive) -> str:
    files = {"file": ("catalogue.zip", archive.data, "application/zip")}
    # Photos that are merely alike stay: what must come out is known exactly.
    given = {"mode": "upsert", "near_duplicates": ""}
    job: str = shop.send("POST", f"/v1/galleries/{gallery}/imports", files=files, data=given)["id"]
    return job


def count_ends(shop: Patient, job: str) -> dict[str, int]:
    counts = shop.send("GET", f"/v1/jobs/{job}")["counts"]
    return {"indexed": counts["done"], "duplicate": counts["skipped"], "failed": counts["failed"]}


def test_import_survives_kills_of_everything(whole: Whole, shop: Patient) -> None:
    archive = draw_archive(PHOTOS)
    gallery = open_gallery(shop)
    job = start_import(shop, gallery, archive)

    def is_over() -> bool:
        return shop.send("GET", f"/v1/jobs/{job}")["state"] in _TERMINAL

    killed = rage(whole, rounds=ROUNDS, seed=SEED, is_over=is_over)
    print(f"\nkilled: {dict(killed)}, {killed.total()} in all")  # noqa: T201 - the report of `make chaos`

    wait_until(is_over, "the import has ended", 60 + 2 * PHOTOS)
    ended = shop.send("GET", f"/v1/jobs/{job}")
    assert ended["state"] == "succeeded", ended
    assert count_ends(shop, job) == archive.ends
    deadline = time.monotonic() + 120
    # What was deleted is purged by a task of its own, and the index is compared by the sweeper.
    while (wrong := list_wrong(whole, gallery, job)) and time.monotonic() < deadline:
        time.sleep(2)
    assert not wrong
    assert killed.total() >= min(ROUNDS * len(VICTIMS), 5), "the import was over before the storm had begun"
