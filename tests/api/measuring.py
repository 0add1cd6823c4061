"""A gallery measured through the API: exemplars added, a calibration and an evaluation made."""

from typing import Any

import httpx

from tests.api.photos import draw_photo
from tests.conftest import Shop, wait_until

ENDED = {"succeeded", "failed", "errored", "cancelled"}


def wait_done(shop: Shop, accepted: httpx.Response) -> dict[str, Any]:
    """The job that the answer points to, once it has succeeded."""
    assert accepted.status_code == 202, accepted.text
    path = accepted.headers["Location"]
    wait_until(lambda: shop.http.get(path).json()["state"] in ENDED, f"{path} has ended", 120)
    job: dict[str, Any] = shop.http.get(path).json()
    assert job["state"] == "succeeded", job
    return job


def add_distractors(shop: Shop, *photos: bytes) -> list[str]:
    """The ids of distractors, looked at."""
    files = [("images", (f"d{number}.png", photo)) for number, photo in enumerate(photos)]
    taken = shop.http.post("/v1/distractors", files=files)
    wait_done(shop, taken)
    return [result["image"]["id"] for result in taken.json()["results"]]


def add_queries(shop: Shop, gallery: str, sku: str, *photos: bytes) -> list[str]:
    """The ids of labelled queries, looked at."""
    files = [("images", (f"q{number}.png", photo)) for number, photo in enumerate(photos)]
    path = f"/v1/galleries/{gallery}/labelled-queries"
    taken = shop.http.post(path, files=files, data={"sku": sku})
    wait_done(shop, taken)
    return [result["image"]["id"] for result in taken.json()["results"]]


def calibrate(shop: Shop, gallery: str, **body: object) -> str:
    """The id of a new calibration."""
    job = wait_done(shop, shop.http.post(f"/v1/galleries/{gallery}/calibrations", json=body))
    calibration: str = job["result"]["calibration"]
    return calibration


def evaluate(shop: Shop, gallery: str, **body: object) -> str:
    """The id of a new evaluation."""
    job = wait_done(shop, shop.http.post(f"/v1/galleries/{gallery}/evaluations", json=body))
    evaluation: str = job["result"]["evaluation"]
    return evaluation


def measure_gallery(shop: Shop, gallery: str) -> dict[str, str]:
    """A gallery that has a photo of seed 1 as `sku-1`, measured; ids by what addresses call them."""
    return {
        "distractor": add_distractors(shop, draw_photo(500))[0],
        "labelled_query": add_queries(shop, gallery, "sku-1", draw_photo(1, tilt=8))[0],
        "calibration": calibrate(shop, gallery),
        "evaluation": evaluate(shop, gallery, source="queries", policies=[["aqe"]]),
    }
