"""Two shops with the same photos, asked through the running service. What rows could tell: tests/security."""

import pytest

from tests.api.conftest import SEEDS, Stall
from tests.api.photos import draw_photo


@pytest.mark.parametrize("seed", SEEDS)
def test_same_photos_of_two_shops_are_never_mixed_up(stalls: tuple[Stall, Stall], seed: int) -> None:
    for stall, other in (stalls, stalls[::-1]):
        files = {"image": draw_photo(seed)}
        named = stall.shop.http.post(f"{stall.path}/recognize", files=files, data={"top_k": "20"})
        found = stall.shop.http.post(f"{stall.path}/search", files=files, data={"top_k": "20"})
        expected = stall.products[SEEDS.index(seed)]
        assert named.json()["answer"]["product"]["id"] == expected
        assert {match["image_id"] for match in found.json()["matches"]} == set(stall.images)
        assert not [name for name in other.ids if name in named.text + found.text]


def test_same_sku_and_name_are_free_for_each_shop(stalls: tuple[Stall, Stall]) -> None:
    names = [stall.shop.http.get(f"{stall.path}/products").json()["results"] for stall in stalls]
    acme, globex = ([product["sku"] for product in products] for products in names)
    assert acme == globex == ["sku-3", "sku-2", "sku-1"]
