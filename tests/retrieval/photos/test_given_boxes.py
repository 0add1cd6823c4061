"""Photos whose owner said where the product is: that box, and no detection."""

from collections.abc import Iterator

import numpy as np
import pytest
from django.db import transaction

from inference.boxes import Box
from inference.images import decode_picture
from jobs.turn import Turn
from retrieval.analysers import default_embedder, get_analyser
from retrieval.index.embedding import embed_unseen
from retrieval.index.store import VectorStore
from retrieval.photos.files import read_file
from retrieval.photos.indexing import index_pending
from tenants.models import Embedding, ReferenceImage, Region
from tests.retrieval.photos.test_indexing import assert_consistent, find_indexed
from tests.retrieval.shelf import Shelf, add_photos, cleared


@pytest.fixture
def acme_shelf(shelf: Shelf, store: VectorStore) -> Iterator[Shelf]:
    """The module's shelf, empty in PostgreSQL and in Milvus."""
    with cleared(shelf):
        store.delete(shelf.space, list(find_indexed(shelf, store)))
        yield shelf


def add_boxed(shelf: Shelf, seed: int, *box: float) -> ReferenceImage:
    with transaction.atomic():
        (image,) = add_photos(shelf, seed)
        ReferenceImage.objects.filter(pk=image.pk).update(given_box=list(box))
    return image


def read_vector(region: Region) -> np.ndarray:
    return Embedding.unpack(Embedding.objects.get(region=region).vector)


def test_given_box_is_the_region_and_nothing_is_detected(
    acme_shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = add_boxed(acme_shelf, 1, 20, 30.5, 90, 200)
    detected: list[object] = []
    monkeypatch.setattr("inference.analysis.Analyser._detect", lambda *seen: detected.append(seen))

    index_pending(Turn(30, 30))

    assert detected == []
    (region,) = Region.objects.filter(image=image)
    assert (region.box, region.source, region.score) == ((20, 30.5, 90, 200), "given", 1.0)
    picture = decode_picture(read_file(image.file))
    name = default_embedder()
    expected = get_analyser([name]).embed_body(picture, Box(20, 30.5, 90, 200))[name]
    np.testing.assert_allclose(read_vector(region), expected, atol=1e-4)  # kept as float16
    assert_consistent(acme_shelf, store)


def test_box_that_juts_out_is_cut_at_the_edge(acme_shelf: Shelf) -> None:
    image = add_boxed(acme_shelf, 2, -50, 10, 400, 1000)
    index_pending(Turn(30, 30))
    (region,) = Region.objects.filter(image=image)
    assert region.box == (0, 10, 320, 320)


@pytest.mark.parametrize(
    "box",
    [
        (400, 10, 500, 20),
        (-10, -10, 0, 0),
        (50, 50, 50, 90),
        (90, 50, 50, 90),
        (0, 0, float("nan"), 10),
        (0, 0, float("inf"), 10),
    ],
    ids=["right", "above", "empty", "inverted", "nan", "endless"],
)
def test_box_that_holds_nothing_ends_the_photo_as_failed(
    acme_shelf: Shelf, store: VectorStore, box: tuple[float, ...]
) -> None:
    image = add_boxed(acme_shelf, 3, *box)
    (kept,) = add_photos(acme_shelf, 4)

    index_pending(Turn(30, 30))

    image.refresh_from_db()
    assert (image.state, image.failure_code) == ("failed", "box_outside")
    assert "320 x 320" in image.failure_message
    kept.refresh_from_db()
    assert kept.state == "indexed"
    assert_consistent(acme_shelf, store)


def test_given_box_is_embedded_alike_from_the_stored_file(acme_shelf: Shelf) -> None:
    """As for a model that comes later."""
    image = add_boxed(acme_shelf, 5, 100, 80, 220, 240)
    index_pending(Turn(30, 30))
    (region,) = Region.objects.filter(image=image)
    before = read_vector(region)
    Embedding.objects.filter(region=region).delete()

    embed_unseen([image], [default_embedder()])

    np.testing.assert_allclose(read_vector(region), before, atol=1e-4)
    whole = get_analyser([default_embedder()]).embed_body(decode_picture(read_file(image.file)), None)
    assert float(before @ whole[default_embedder()]) < 0.9999


def test_photo_without_a_box_goes_through_detection(acme_shelf: Shelf) -> None:
    (image,) = add_photos(acme_shelf, 6)
    index_pending(Turn(30, 30))
    (region,) = Region.objects.filter(image=image)
    assert region.source in {"detected", "whole"}
