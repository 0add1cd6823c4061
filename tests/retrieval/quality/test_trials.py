"""Which photos a gallery is asked with, and what each must not find."""

from collections.abc import Iterator

import numpy as np
import pytest

from retrieval.index.store import VectorStore
from retrieval.quality.trials import list_distractor_trials, list_query_trials, list_reference_trials
from tenants.models import Exemplar, Product, ReferenceImage, Region
from tests.retrieval.quality.clusters import (
    ClusteredGallery,
    add_gallery_exemplar,
    clustered_gallery,
    draw_centres,
)
from tests.retrieval.quality.conftest import PHOTOS


@pytest.fixture(autouse=True)
def no_exemplars(made: ClusteredGallery) -> Iterator[None]:
    yield
    Exemplar.objects.all().delete()


def add_query(made: ClusteredGallery, sku: str, count: int = 1, **fields: str) -> Exemplar:
    vectors = draw_centres(count, seed=50)
    return add_gallery_exemplar(made.gallery, vectors, role=Exemplar.Role.QUERY, sku=sku, **fields)


def test_reference_trials_hide_their_own_photo_and_know_their_product(made: ClusteredGallery) -> None:
    index, _ = made.open()
    trials = list_reference_trials(index, limit=1000)
    assert len(trials) == sum(PHOTOS)
    owners = dict(Region.objects.values_list("id", "image__product_id"))
    for trial in trials:
        (own,) = trial.own
        assert owners[own] == trial.product
        assert trial.siblings == {key for key, product in owners.items() if product == trial.product}
        assert trial.relevant == len(trial.siblings) - 1
        assert np.array_equal(trial.vectors, index.load([own])[1])


def test_paired_trials_are_of_products_with_another_photo(made: ClusteredGallery) -> None:
    index, _ = made.open()
    trials = list_reference_trials(index, limit=1000, paired=True)
    assert len(trials) == 12 * 4 + 6 * 2
    assert min(trial.relevant for trial in trials) == 1


def test_sample_is_the_same_each_time_and_another_with_another_seed(made: ClusteredGallery) -> None:
    index, _ = made.open()
    first, again, other = (
        [trial.own for trial in list_reference_trials(index, limit=10, seed=seed)] for seed in (0, 0, 1)
    )
    assert len(first) == 10
    assert first == again != other


def test_deleted_and_failed_photos_are_no_trials_and_no_siblings(store: VectorStore, made: object) -> None:
    with clustered_gallery(store, photos=[3, 2], name="other") as small:
        index, _ = small.open()
        doomed = ReferenceImage.objects.filter(product=small.products[0]).first()
        assert doomed is not None
        ReferenceImage.objects.filter(pk=doomed.pk).update(state=ReferenceImage.State.FAILED)
        assert [trial.relevant for trial in list_reference_trials(index, limit=9)] == [1, 1, 1, 1]
        Product.objects.filter(pk=small.products[1].pk).update(deleted_at=doomed.created_at)
        assert len(list_reference_trials(index, limit=9)) == 2


def test_query_of_a_known_sku_asks_for_its_product(made: ClusteredGallery) -> None:
    add_query(made, "sku-0001", count=3)
    index, _ = made.open()
    (trial,) = list_query_trials(index, limit=10)
    assert trial.product == made.products[1].pk
    assert (trial.relevant, trial.own, len(trial.siblings)) == (4, frozenset(), 4)
    assert trial.vectors.shape == (3, index.width)


@pytest.mark.parametrize("sku", ["", "never-heard-of"])
def test_query_without_a_known_sku_is_a_stranger(made: ClusteredGallery, sku: str) -> None:
    add_query(made, sku)
    index, _ = made.open()
    (trial,) = list_query_trials(index, limit=10)
    assert (trial.product, trial.relevant) == (None, 0)


def test_query_of_the_same_bytes_as_a_reference_does_not_find_it(made: ClusteredGallery) -> None:
    image = ReferenceImage.objects.filter(product=made.products[0]).first()
    assert image is not None
    add_query(made, "sku-0000", sha256=image.sha256)
    index, _ = made.open()
    (trial,) = list_query_trials(index, limit=10)
    assert trial.own == set(Region.objects.filter(image=image).values_list("id", flat=True))
    assert trial.relevant == 3


def test_query_in_which_nothing_was_detected_is_asked_in_vain(made: ClusteredGallery) -> None:
    add_query(made, "sku-0000", count=0)
    index, _ = made.open()
    (trial,) = list_query_trials(index, limit=10)
    assert trial.vectors.shape == (0, index.width)
    assert trial.relevant == 4


def test_exemplars_of_another_tenant_and_gallery_are_never_asked(
    store: VectorStore, made: ClusteredGallery
) -> None:
    add_query(made, "sku-0000")
    add_gallery_exemplar(made.gallery, draw_centres(2, seed=60))
    with clustered_gallery(store, photos=[2], name="globex") as globex:
        index, _ = globex.open()
        assert list_query_trials(index, limit=10) == []
        assert list_distractor_trials(index, limit=10) == []
    index, _ = made.open()
    assert len(list_query_trials(index, limit=10)) == len(list_distractor_trials(index, limit=10)) == 1
