from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from demo.photos import SAMPLE_PLAN, Plan, write_photos
from demo.studio.panels import encode_bars
from demo.studio.pixels import Picture
from demo.studio.products import Product, append_check_digit, invent_lines, invent_products
from demo.studio.shoots import shoot_query, shoot_reference
from inference.images import decode_image

SMALL = Plan(known=(2, 1), unknown=(1,))


def _read_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.jpg")}


def _find_all(plan: Plan = SAMPLE_PLAN) -> list[Product]:
    return invent_products(plan.seed, counts=plan.known) + invent_products(plan.seed + 1, counts=plan.unknown)


def test_sample_products_are_48_known_and_10_unknown_all_distinct() -> None:
    products = _find_all()
    assert sum(SAMPLE_PLAN.known) == 48
    assert len(products) == 58
    assert len({product.sku for product in products}) == 58
    known, unknown = products[:48], products[48:]
    assert not {product.line.brand.name for product in known} & {
        product.line.brand.name for product in unknown
    }


def test_sample_products_hold_look_alikes_that_differ_by_flavour() -> None:
    first, second = _find_all()[:2]
    assert first.line == second.line
    assert first.flavour != second.flavour


def test_sample_products_come_in_all_shapes() -> None:
    shapes = {product.line.shape for product in _find_all()}
    assert shapes >= {"box", "carton", "bottle", "flask", "can", "tin", "jar", "pouch", "bag"}


def test_lines_go_on_beyond_one_round_of_kinds_with_new_brands() -> None:
    lines = list(islice(invent_lines(np.random.default_rng(1)), 500))
    assert len({line.brand.name for line in lines}) == 500


def test_photos_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    first, second = (write_photos(tmp_path / name, SMALL) for name in ("one", "two"))
    files = _read_files(first.folder)
    assert files == _read_files(second.folder)
    # Three or four views of three products, a query of each of four.
    assert len(files) == 4 + 3 + 3 + 4
    assert len(set(files.values())) == len(files)


def test_photos_are_drawn_once_and_again_only_if_something_is_missing(tmp_path: Path) -> None:
    assert write_photos(tmp_path, SMALL).drawn_now
    before = _read_files(tmp_path)
    assert not write_photos(tmp_path, SMALL).drawn_now
    next(tmp_path.rglob("2.jpg")).write_bytes(b"cut off")
    assert write_photos(tmp_path, SMALL).drawn_now
    assert _read_files(tmp_path) == before


def test_photos_of_another_plan_replace_the_old_ones(tmp_path: Path) -> None:
    write_photos(tmp_path, SMALL)
    other = write_photos(tmp_path, Plan(seed=77, known=(1,), unknown=()))
    assert other.drawn_now
    assert {path.name for path in other.photos.iterdir()} == {product.sku for product in other.known}


def test_photos_of_unknown_products_are_queries_only(tmp_path: Path) -> None:
    photos = write_photos(tmp_path, SMALL)
    asked = {path.name for path in photos.queries.iterdir()}
    assert {path.name for path in photos.photos.iterdir()} == {product.sku for product in photos.known}
    assert asked == {product.sku for product in (*photos.known, *photos.unknown)}


def _shoot(product: Product, view: int) -> Picture:
    rng = np.random.default_rng(view)
    return decode_image(shoot_reference(product, view, rng) if view < 4 else shoot_query(product, rng))


@pytest.mark.parametrize("shape", ["box", "carton", "bottle", "flask", "can", "tin", "jar", "pouch", "bag"])
def test_every_shape_stands_out_from_its_background(shape: str) -> None:
    product = next(each for each in _find_all() if each.line.shape == shape)
    for view in range(5):
        picture = _shoot(product, view)
        assert sorted(picture.shape) == [3, 480, 640]
        height, width = picture.shape[:2]
        middle = picture[height // 3 : -height // 3, width // 3 : -width // 3].astype(float)
        # Print on a package varies far more than the table or studio it stands on.
        assert middle.std(axis=(0, 1)).max() > 12


def test_look_alikes_differ_more_than_two_photos_of_one_label() -> None:
    first, second = _find_all()[:2]
    same, other = _shoot(first, 0), _shoot(second, 0)
    assert np.array_equal(same, _shoot(first, 0))
    assert np.abs(same.astype(int) - other.astype(int)).mean() > 2


def test_bars_of_a_published_example_are_right() -> None:
    # 4006381333931: first digit 4 sets the parity LGLLGG of the left half.
    bars = encode_bars("4006381333931")
    assert len(bars) == 95
    assert bars[:3] == bars[-3:] == "101"
    assert bars[45:50] == "01010"
    assert bars[3:10] == "0001101"  # 0 in set L
    assert bars[10:17] == "0100111"  # 0 in set G
    assert bars[50:57] == "1000010"  # 3 in set R


def test_check_digit_of_a_published_example_is_right() -> None:
    assert append_check_digit("400638133393") == "4006381333931"


def test_numbers_are_of_the_range_for_use_within_a_shop() -> None:
    for product in _find_all():
        assert product.number.startswith("2")
        assert append_check_digit(product.number[:12]) == product.number
