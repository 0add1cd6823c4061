"""What is deleted leaves the index, the storage and the tables."""

from collections.abc import Iterator

import pytest

from jobs.errors import Unavailable
from jobs.turn import Turn
from retrieval.index.store import VectorStore
from retrieval.photos import purging
from retrieval.photos.files import delete_file
from retrieval.photos.indexing import index_pending
from retrieval.photos.purging import purge_deleted
from tenants.domain.images import delete_image
from tenants.domain.products import create_product, delete_product
from tenants.models import Product, ReferenceImage, Region
from tests.relay import Relay
from tests.retrieval.photos.test_indexing import find_indexed
from tests.retrieval.shelf import (
    Shelf,
    add_photos,
    cleared,
    list_region_ids,
    list_stored_files,
    run_together,
)


@pytest.fixture
def stocked(shelf: Shelf, store: VectorStore) -> Iterator[list[ReferenceImage]]:
    """Three indexed photos on the module's shelf."""
    with cleared(shelf):
        store.delete(shelf.space, list(find_indexed(shelf, store)))
        for path in list_stored_files(shelf):
            delete_file(f"{shelf.tenant.id}/{shelf.gallery.pk}/{path}")
        images = add_photos(shelf, 1, 2, 3)
        index_pending(Turn(60, 60))
        yield images


def assert_only(shelf: Shelf, store: VectorStore, kept: list[ReferenceImage]) -> None:
    """Nothing is left but what belongs to these photos."""
    assert set(ReferenceImage.objects.filter(gallery=shelf.gallery)) == set(kept)
    assert list_stored_files(shelf) == {image.file.rsplit("/", 1)[1] for image in kept}
    # The count waits for every write; so a search after it sees the deletions too.
    assert store.count(shelf.space, seen=None) == len(list_region_ids(shelf))
    assert find_indexed(shelf, store) == list_region_ids(shelf)


def test_purge_removes_vectors_file_and_rows_of_deleted_photos_only(
    shelf: Shelf, store: VectorStore, stocked: list[ReferenceImage]
) -> None:
    delete_image(image=stocked[0])
    purge_deleted()
    assert_only(shelf, store, stocked[1:])


def test_purge_removes_a_deleted_product_after_its_photos(
    shelf: Shelf, store: VectorStore, stocked: list[ReferenceImage]
) -> None:
    doomed = create_product(gallery=shelf.gallery, sku="doomed")
    ReferenceImage.objects.filter(pk=stocked[2].pk).update(product=doomed)
    delete_product(product=doomed)

    purge_deleted()

    assert_only(shelf, store, stocked[:2])
    assert list(Product.objects.filter(gallery=shelf.gallery)) == [shelf.product]


def test_purge_killed_half_way_is_resumed(
    shelf: Shelf, store: VectorStore, stocked: list[ReferenceImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the first file: vectors gone, rows still there."""
    for image in stocked[:2]:
        delete_image(image=image)
    deleted = []

    def delete_one_and_die(name: str) -> None:
        delete_file(name)
        deleted.append(name)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(purging, "delete_file", delete_one_and_die)
        with pytest.raises(KeyboardInterrupt):
            purge_deleted()
    assert len(deleted) == 1
    assert ReferenceImage.objects.filter(gallery=shelf.gallery).count() == 3

    purge_deleted()
    assert_only(shelf, store, stocked[2:])


def test_purge_at_once_in_threads_leaves_the_same(
    shelf: Shelf, store: VectorStore, stocked: list[ReferenceImage]
) -> None:
    for image in stocked[:2]:
        delete_image(image=image)
    run_together(shelf, *[purge_deleted] * 3)
    assert_only(shelf, store, stocked[2:])


def test_purge_touches_nothing_while_milvus_is_away(
    shelf: Shelf, stocked: list[ReferenceImage], milvus_relay: Relay
) -> None:
    delete_image(image=stocked[0])
    milvus_relay.cut()
    with pytest.raises(Unavailable):
        purge_deleted()
    assert Region.objects.filter(image=stocked[0]).exists()
    assert len(list_stored_files(shelf)) == 3
