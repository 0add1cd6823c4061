"""Thresholds that owners have set mean the same on the next index, whose scores are others."""

from collections.abc import Iterator

import numpy as np
import pytest

from retrieval.analysers import embedder_dim
from retrieval.index.store import VectorStore
from retrieval.settings.gallery import GallerySettings, merge_settings
from tenants.models import Gallery, Product
from tests.retrieval.shelf import Shelf
from tests.retrieval.stock import (
    add_products,
    add_stock,
    draw_near,
    draw_units,
    read_gallery,
    rebuild,
    stocked_shelf,
)

PRODUCTS = 40
# Two photos of a product lie at a cosine of 0.8, those of two products around 0.
NOISE, GENUINE = 0.5, 0.8


@pytest.fixture(scope="module")
def shelf(rows: None, store: VectorStore) -> Iterator[Shelf]:
    with stocked_shelf(store, 1, preset="exact") as made:
        (model,) = GallerySettings.parse(made.gallery.settings).index.embedders
        centres = draw_units(PRODUCTS, embedder_dim(model), 1)
        vectors = np.concatenate([draw_near(centres, NOISE, seed) for seed in (2, 3)])
        products = add_products(made.gallery, PRODUCTS)
        add_stock(made.gallery, {model: vectors}, products=[*products, *products])
        rebuild(made)
        yield made


def test_thresholds_are_translated_when_the_index_goes_over(shelf: Shelf) -> None:
    own = Product.objects.filter(gallery=shelf.gallery).order_by("pk")[1]
    Product.objects.filter(pk=own.pk).update(score_threshold=0.7)
    said = read_gallery(shelf).settings
    change = {"score_threshold": 0.5, "index": {"representation": "binary", "binarizer": "sign"}}
    Gallery.objects.filter(pk=shelf.gallery.pk).update(settings=merge_settings(said, change))

    job = rebuild(shelf)

    assert job.state == "succeeded", job.message
    now = read_gallery(shelf).settings["score_threshold"]
    assert job.result["thresholds"] == {"score_threshold": {"was": 0.5, "is": now}, "products": 1}
    # Of codes of signs, a cosine of c becomes 1 - 2 acos(c) / pi: strangers stay out, the product's own in.
    assert 0.1 < now < 1 - 2 * np.arccos(GENUINE) / np.pi
    own.refresh_from_db()
    assert own.score_threshold is not None
    assert now < own.score_threshold < 1


def test_thresholds_stay_where_scores_do_not_move(shelf: Shelf) -> None:
    before = read_gallery(shelf).settings["score_threshold"]
    job = rebuild(shelf, reuse=True)
    assert "thresholds" not in job.result
    assert read_gallery(shelf).settings["score_threshold"] == before
