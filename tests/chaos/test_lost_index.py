"""A Milvus that has lost its data directory is filled again from PostgreSQL, and nobody has to ask."""

import contextlib

import pytest
from pymilvus import MilvusException

from tests.api.photos import draw_photo
from tests.chaos.conftest import open_gallery
from tests.chaos.whole import Patient, Whole, wait_until

pytestmark = pytest.mark.timeout(600)
PRODUCTS = 6


@pytest.fixture(scope="module")
def gallery(shop: Patient) -> str:
    made = open_gallery(shop)
    for seed in range(PRODUCTS):
        product = shop.send("POST", f"/v1/galleries/{made}/products", json={"sku": f"sku-{seed}"})["id"]
        photo = ("a.png", draw_photo(seed), "image/png")
        shop.send("POST", f"/v1/galleries/{made}/products/{product}/images", files={"images": photo})
    wait_until(
        lambda: shop.send("GET", f"/v1/galleries/{made}")["images"]["indexed"] == PRODUCTS, "all indexed", 120
    )
    return made


def name_product(shop: Patient, gallery: str, seed: int) -> str:
    photo = ("q.png", draw_photo(seed, tilt=5), "image/png")
    answer = shop.send("POST", f"/v1/galleries/{gallery}/recognize", files={"image": photo})["answer"]
    return str(answer["product"] and answer["product"]["sku"])


def test_lost_milvus_data_comes_back_unattended(whole: Whole, shop: Patient, gallery: str) -> None:
    before = whole.list_vectors(gallery)
    assert name_product(shop, gallery, 3) == "sku-3"

    whole.lose_milvus_data()

    def is_back() -> bool:
        # While it is being filled the collection is there and cannot be asked yet.
        with contextlib.suppress(MilvusException):
            return whole.list_vectors(gallery) == before
        return False

    wait_until(is_back, "every vector is back", 240)
    assert name_product(shop, gallery, 3) == "sku-3"
