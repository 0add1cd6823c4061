"""Near duplicates that an import brings: one of them stays, whoever comes first, whatever is killed."""

import itertools
import threading
from collections.abc import Iterator

import pytest
from django.conf import settings

from inference.dhash import count_differences, hash_pixels
from inference.images import decode_picture
from jobs.models import JobItem
from jobs.turn import Turn
from retrieval.index.store import VectorStore
from retrieval.photos import admission
from retrieval.photos.admission import admit_photos
from retrieval.photos.decoding import DecodedPhoto
from retrieval.photos.duplicates import find_near
from retrieval.photos.indexing import index_pending
from retrieval.photos.purging import purge_deleted
from tenants.domain.images import add_image
from tenants.domain.products import create_product
from tenants.models import Product, ReferenceImage
from tests.api.photos import draw_photo
from tests.retrieval.gate import Gate
from tests.retrieval.photos.imports import add_items, draw_copy, make_import
from tests.retrieval.photos.test_indexing import assert_consistent, find_indexed
from tests.retrieval.shelf import Shelf, add_bytes, cleared, list_states, list_stored_files, run_together


@pytest.fixture
def acme_shelf(shelf: Shelf, store: VectorStore) -> Iterator[Shelf]:
    """The module's shelf, empty in PostgreSQL and in Milvus."""
    with cleared(shelf):
        Product.objects.filter(gallery=shelf.gallery).exclude(pk=shelf.product.pk).delete()
        store.delete(shelf.space, list(find_indexed(shelf, store)))
        yield shelf


def add_copies(shelf: Shelf, seed: int, *sides: int) -> list[ReferenceImage]:
    """Pending photos of the shelf's product that look the same, in these sizes."""
    return [add_bytes(shelf, draw_copy(seed, side=side)) for side in sides]


def add_to(product: Product, data: bytes) -> ReferenceImage:
    return add_image(product=product, filename="b.png", image_format="png", data=data).image


def read_items(items: list[JobItem]) -> list[JobItem]:
    return list(JobItem.objects.filter(pk__in=[item.pk for item in items]).order_by("line"))


def list_alive(images: list[ReferenceImage]) -> list[ReferenceImage]:
    return list(ReferenceImage.objects.filter(pk__in=[i.pk for i in images], deleted_at=None).order_by("pk"))


def decode(images: list[ReferenceImage], *, dhash: int) -> list[DecodedPhoto]:
    """The photos as the decoder hands them on, all with this dHash."""
    picture = decode_picture(draw_photo(1))
    return [DecodedPhoto(image, picture, dhash) for image in images]


def test_copies_look_the_same_and_other_photos_do_not() -> None:
    """What the tests below rest on."""
    copies = [hash_pixels(decode_picture(draw_copy(1, side=side)).pixels) for side in (320, 300, 250)]
    others = [hash_pixels(decode_picture(draw_photo(seed)).pixels) for seed in (2, 3)]
    assert all(count_differences(*pair) <= 2 for pair in itertools.combinations(copies, 2))
    assert all(count_differences(*pair) > 2 for pair in itertools.combinations([*others, copies[0]], 2))


def test_near_duplicate_of_the_product_is_skipped_and_reported(
    acme_shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [*add_copies(acme_shelf, 1, 320, 300, 250), add_bytes(acme_shelf, draw_photo(2))]
    items = add_items(make_import(acme_shelf), images)
    gate = Gate(monkeypatch)

    index_pending(Turn(30, 30))

    assert gate.photos == 2
    first, *copies, other = read_items(items)
    assert (first.state, other.state) == ("stored", "stored")
    for copy in copies:
        assert (copy.state, copy.code) == ("duplicate", "near_duplicate")
        assert copy.duplicate_of == images[0].pk
        assert "of 64 bits" in copy.message
        assert copy.ended_at is not None
    assert [image.pk for image in list_alive(images)] == [images[0].pk, images[3].pk]
    assert list_states([images[0], images[3]]) == ["indexed", "indexed"]
    purge_deleted()
    assert ReferenceImage.objects.filter(gallery=acme_shelf.gallery).count() == 2
    assert {image.file.rpartition("/")[2] for image in (images[0], images[3])} <= list_stored_files(
        acme_shelf
    )
    assert_consistent(acme_shelf, store)


def test_near_duplicate_of_another_product_is_kept_and_its_conflicts_are_listed(
    acme_shelf: Shelf, store: VectorStore
) -> None:
    others = [create_product(gallery=acme_shelf.gallery, sku=f"other-{number}") for number in range(2)]
    before = [add_to(others[0], draw_photo(1)), add_to(others[1], draw_copy(1, side=300))]
    index_pending(Turn(30, 30))
    (image,) = add_copies(acme_shelf, 1, 250)
    (item,) = add_items(make_import(acme_shelf), [image])

    index_pending(Turn(30, 30))

    item.refresh_from_db()
    assert item.state == "stored"
    assert set(item.conflicts) == {other.pk for other in before}
    assert list_states([*before, image]) == ["indexed"] * 3
    assert_consistent(acme_shelf, store)


def test_conflicts_are_the_nearest_ten(acme_shelf: Shelf) -> None:
    other = create_product(gallery=acme_shelf.gallery, sku="other")
    near = [add_to(other, bytes([number])) for number in range(14)]
    for number, photo in enumerate(near):
        # From the last to the first 0 to 6 bits away, two each.
        ReferenceImage.objects.filter(pk=photo.pk).update(dhash=2 ** ((13 - number) // 2) - 1)
    image = add_bytes(acme_shelf, b"photo")
    (item,) = add_items(make_import(acme_shelf, near_duplicates=7), [image])

    assert [photo.image for photo in admit_photos(acme_shelf.gallery, decode([image], dhash=0))] == [image]

    item.refresh_from_db()
    assert item.conflicts == [near[number].pk for number in (12, 13, 10, 11, 8, 9, 6, 7, 4, 5)]


def test_conflicts_that_were_known_before_stay_and_come_first(acme_shelf: Shelf) -> None:
    """The same file at another product has perhaps not been decoded yet."""
    other = create_product(gallery=acme_shelf.gallery, sku="other")
    same, near = add_to(other, b"photo"), add_to(other, b"near")
    ReferenceImage.objects.filter(pk=near.pk).update(dhash=1)
    image = add_bytes(acme_shelf, b"photo")
    (item,) = add_items(make_import(acme_shelf), [image])
    JobItem.objects.filter(pk=item.pk).update(conflicts=[same.pk])

    admit_photos(acme_shelf.gallery, decode([image], dhash=0))
    item.refresh_from_db()
    assert item.conflicts == [same.pk, near.pk]


@pytest.mark.parametrize("near_duplicates", [None, 0])
def test_distance_is_that_of_the_import(acme_shelf: Shelf, near_duplicates: int | None) -> None:
    images = [add_bytes(acme_shelf, bytes([number])) for number in range(3)]
    items = add_items(make_import(acme_shelf, near_duplicates=near_duplicates), images)
    photos = [*decode(images[:1], dhash=0), *decode(images[1:2], dhash=1), *decode(images[2:], dhash=0)]

    kept = admit_photos(acme_shelf.gallery, photos)

    exact = near_duplicates == 0
    assert [photo.image for photo in kept] == (images[:2] if exact else images)
    assert [item.state for item in read_items(items)] == [
        "stored",
        "stored",
        "duplicate" if exact else "stored",
    ]


def test_photo_that_was_uploaded_by_itself_is_never_skipped(acme_shelf: Shelf) -> None:
    imported, *uploaded = images = add_copies(acme_shelf, 1, 320, 300, 250)
    (item,) = add_items(make_import(acme_shelf), [imported])

    index_pending(Turn(30, 30))

    assert list_states(images) == ["indexed"] * 3
    hashes = ReferenceImage.objects.filter(pk__in=[image.pk for image in images]).values_list(
        "dhash", flat=True
    )
    assert None not in hashes
    item.refresh_from_db()
    assert item.state == "stored"
    later = add_copies(acme_shelf, 1, 280)
    (late,) = add_items(make_import(acme_shelf), later)
    index_pending(Turn(30, 30))
    late.refresh_from_db()
    assert late.state == "duplicate"
    assert late.duplicate_of in {image.pk for image in (imported, *uploaded)}


def test_photo_whose_row_was_ended_meanwhile_stays(acme_shelf: Shelf) -> None:
    """As when its import was cancelled: what is there is kept."""
    images = [add_bytes(acme_shelf, b"one"), add_bytes(acme_shelf, b"two")]
    items = add_items(make_import(acme_shelf), images)
    JobItem.objects.filter(pk=items[1].pk).update(state=JobItem.State.FAILED, code="cancelled")

    assert len(admit_photos(acme_shelf.gallery, decode(images, dhash=5))) == 2
    assert [(item.state, item.code) for item in read_items(items)] == [
        ("stored", ""),
        ("failed", "cancelled"),
    ]


def test_of_near_duplicates_in_several_workers_exactly_one_stays(
    acme_shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All would look before the first has said what it found, were they not kept from it."""
    images = [add_bytes(acme_shelf, bytes([number])) for number in range(6)]
    items = add_items(make_import(acme_shelf), images)
    looking = threading.Barrier(3)

    def find_and_dawdle(*args: object, **given: object) -> object:
        found = find_near(*args, **given)  # type: ignore[arg-type] # handed on as they came
        try:
            looking.wait(0.3)
        except threading.BrokenBarrierError:
            return found
        return found

    monkeypatch.setattr(admission, "find_near", find_and_dawdle)
    batches = [decode(images[at : at + 2], dhash=-3) for at in (0, 2, 4)]

    kept = run_together(
        acme_shelf, *[lambda b=batch: admit_photos(acme_shelf.gallery, b) for batch in batches]
    )

    assert sum(len(photos) for photos in kept) == 1
    (alive,) = list_alive(images)
    ended = read_items(items)
    assert sorted(item.state for item in ended) == ["duplicate"] * 5 + ["stored"]
    assert {item.duplicate_of for item in ended} == {alive.pk, None}


def test_near_duplicates_indexed_by_threads_at_once_leave_one_of_each(
    acme_shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "INDEX_BATCH", 2)
    images = [image for seed in (1, 2, 3) for image in add_copies(acme_shelf, seed, 320, 300, 250)]
    items = add_items(make_import(acme_shelf), images)

    run_together(acme_shelf, *[lambda: index_pending(Turn(60, 60))] * 3)

    assert list_states(list_alive(images)) == ["indexed"] * 3
    assert sorted(item.state for item in read_items(items)) == ["duplicate"] * 6 + ["stored"] * 3
    purge_deleted()
    assert_consistent(acme_shelf, store)


def test_photo_is_looked_at_once_and_a_second_run_changes_nothing(
    acme_shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the look and the models; a like photo came by itself before the second run."""
    images = add_copies(acme_shelf, 1, 320, 300)
    items = add_items(make_import(acme_shelf), images)
    broken: list[bool] = []

    def break_once() -> None:
        if not broken:
            broken.append(True)
            raise MemoryError

    Gate(monkeypatch, break_once)
    with pytest.raises(MemoryError):
        index_pending(Turn(30, 30))
    assert [item.state for item in read_items(items)] == ["stored", "duplicate"]
    images += add_copies(acme_shelf, 1, 250)

    while index_pending(Turn(0, 0)):
        pass

    assert [item.state for item in read_items(items)] == ["stored", "duplicate"]
    assert [image.pk for image in list_alive(images)] == [images[0].pk, images[2].pk]
    assert list_states(list_alive(images)) == ["indexed"] * 2
    purge_deleted()
    assert_consistent(acme_shelf, store)


def test_interrupted_look_leaves_no_trace(acme_shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [add_bytes(acme_shelf, bytes([number])) for number in range(3)]
    items = add_items(make_import(acme_shelf), images)
    looks = itertools.count()

    def find_or_die(*args: object, **given: object) -> object:
        if next(looks) == 2:
            raise MemoryError
        return find_near(*args, **given)  # type: ignore[arg-type] # handed on as they came

    monkeypatch.setattr(admission, "find_near", find_or_die)
    with pytest.raises(MemoryError):
        admit_photos(acme_shelf.gallery, decode(images, dhash=9))
    assert [item.state for item in read_items(items)] == ["stored"] * 3
    assert len(list_alive(images)) == 3

    assert len(admit_photos(acme_shelf.gallery, decode(images, dhash=9))) == 1
    assert [item.state for item in read_items(items)] == ["stored", "duplicate", "duplicate"]
