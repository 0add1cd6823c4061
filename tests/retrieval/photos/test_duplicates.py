"""The look-up by bands against a scan of all, and the plan that PostgreSQL makes of it."""

import uuid
from collections.abc import Iterator

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from inference.dhash import count_differences
from retrieval.photos.duplicates import MAX_DISTANCE, find_near, list_near, list_neighbours
from tenants.domain.products import create_product
from tenants.models import Gallery, ReferenceImage
from tenants.postgresql.roles import connected_as_owner
from tests.retrieval.photos.hashes import add_hashed, draw_hashes, flip_bits
from tests.retrieval.shelf import Shelf, cleared, open_shelf


@pytest.fixture(scope="module")
def hashed(rows: None) -> Iterator[Shelf]:
    """A gallery with families of hashes: each centre, and others up to ten bits away from it."""
    random = np.random.default_rng(5)
    centres = [0, -1, *draw_hashes(30, seed=5)]
    family = [
        flip_bits(centre, [int(bit) for bit in random.choice(64, size=size, replace=False)])
        for centre in centres
        for size in range(11)
    ]
    with cleared(open_shelf("acme", Gallery.State.PROVISIONING)) as shelf:
        add_hashed(shelf.gallery, shelf.product, family)
        add_hashed(shelf.gallery, shelf.product, draw_hashes(300, seed=6))
        yield shelf


def scan_all(shelf: Shelf, dhash: int, distance: int) -> set[tuple[uuid.UUID, int]]:
    stored = ReferenceImage.objects.filter(gallery=shelf.gallery, deleted_at=None).values_list("pk", "dhash")
    found = ((key, count_differences(dhash, other)) for key, other in stored if other is not None)
    return {(key, differences) for key, differences in found if differences <= distance}


@pytest.mark.parametrize("distance", range(MAX_DISTANCE + 1))
def test_near_photos_are_those_of_a_scan(hashed: Shelf, distance: int) -> None:
    asked = [0, -1, 2**63 - 1, -(2**63), *draw_hashes(8, seed=5), *draw_hashes(3, seed=9)]
    # And hashes that stand somewhere between the members of a family.
    asked += [flip_bits(value, [3, 20, 41, 63][: 1 + at % 4]) for at, value in enumerate(asked)]
    found_any = 0
    for dhash in asked:
        near = list_near(hashed.gallery.pk, dhash=dhash, distance=distance)
        found = set(near.values_list("pk", "distance"))
        assert found == scan_all(hashed, dhash, distance)
        found_any += len(found)
    assert found_any >= 10, "the ten centres that were asked for are there"


@pytest.mark.parametrize("distance", [-1, 8])
def test_distance_beyond_the_bands_is_refused(distance: int) -> None:
    with pytest.raises(ValueError, match="0 to 7"):
        list_near(uuid.uuid4(), dhash=0, distance=distance)


def test_neighbours_of_a_band_are_itself_and_its_sixteen() -> None:
    assert list_neighbours(0, flips=0) == [0]
    near = list_neighbours(0xBEEF, flips=1)
    assert len(set(near)) == 17
    assert {(value ^ 0xBEEF).bit_count() for value in near} == {0, 1}
    assert all(0 <= value < 2**16 for value in near)


@pytest.fixture
def shelf(rows: None) -> Iterator[Shelf]:
    with cleared(open_shelf("acme", Gallery.State.PROVISIONING)) as opened:
        yield opened


def test_near_photos_of_the_own_product_come_first_then_the_nearest(shelf: Shelf) -> None:
    other = create_product(gallery=shelf.gallery, sku="two")
    (image,) = add_hashed(shelf.gallery, shelf.product, [0])
    (far,) = add_hashed(shelf.gallery, other, [0b11])
    (near,) = add_hashed(shelf.gallery, other, [0b1])
    (own,) = add_hashed(shelf.gallery, shelf.product, [0b111])
    add_hashed(shelf.gallery, other, [0b1111])

    found = find_near(image, dhash=0, distance=3)

    assert [(one.image_id, one.product_id, one.distance) for one in found] == [
        (own.pk, shelf.product.pk, 3),
        (near.pk, other.pk, 1),
        (far.pk, other.pk, 2),
    ]
    assert find_near(image, dhash=0, distance=3, limit=1) == found[:1]


def test_photos_that_are_gone_failed_or_elsewhere_are_not_near(shelf: Shelf) -> None:
    image, deleted, failed, unhashed = add_hashed(shelf.gallery, shelf.product, [0] * 4)
    ReferenceImage.objects.filter(pk=deleted.pk).update(deleted_at=timezone.now())
    ReferenceImage.objects.filter(pk=failed.pk).update(state=ReferenceImage.State.FAILED)
    ReferenceImage.objects.filter(pk=unhashed.pk).update(dhash=None)
    with cleared(open_shelf("globex", Gallery.State.PROVISIONING)) as globex:
        add_hashed(globex.gallery, globex.product, [0])

    assert find_near(image, dhash=0, distance=7) == ()
    waiting = add_hashed(shelf.gallery, shelf.product, [0])[0]
    ReferenceImage.objects.filter(pk=waiting.pk).update(state=ReferenceImage.State.PENDING)
    assert [one.image_id for one in find_near(image, dhash=0, distance=0)] == [waiting.pk]


@pytest.mark.parametrize("distance", [0, 2, 3, 7])
def test_near_photos_are_looked_up_by_the_indexes_of_all_bands(shelf: Shelf, distance: int) -> None:
    hashes = draw_hashes(4000, seed=distance)
    add_hashed(shelf.gallery, shelf.product, hashes)
    with connected_as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE tenants_referenceimage")

    plan = list_near(shelf.gallery.pk, dhash=hashes[7], distance=distance).explain()

    for band in range(4):
        assert f"Index Scan on dhash_band_{band}" in plan
    assert "Seq Scan" not in plan
