"""Trials are ranked as shops' photos are, with what they must not find left out everywhere."""

from collections.abc import Iterator

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from retrieval.index.store import VectorStore
from retrieval.quality.examiner import Examiner
from retrieval.quality.trials import Trial, list_distractor_trials, list_reference_trials
from retrieval.ranked import RankedMatch, Ranker
from retrieval.ranking.policies import parse_steps
from tenants.models import Exemplar, ReferenceImage
from tests.retrieval.quality.clusters import (
    ClusteredGallery,
    add_gallery_exemplar,
    add_photos,
    clustered_gallery,
    draw_centres,
)

RERANKS: tuple[list[str], ...] = (
    [],
    ["aqe"],
    ["alpha_qe", "k_reciprocal"],
    ["k_reciprocal"],
    ["soft_rank"],
    ["distractors"],
    ["distractors", "soft_rank"],
)


@pytest.fixture(autouse=True)
def distractors(made: ClusteredGallery) -> Iterator[None]:
    for seed in range(70, 75):
        add_gallery_exemplar(made.gallery, draw_centres(2, seed))
    yield
    Exemplar.objects.all().delete()


def show(ranked: list[RankedMatch]) -> list[tuple[int, float, float]]:
    return [(row.match.region_key, round(row.score, 5), round(row.confidence, 5)) for row in ranked]


@pytest.mark.parametrize("rerank", RERANKS, ids="+".join)
def test_trial_with_nothing_hidden_ranks_as_a_shops_photo_does(
    made: ClusteredGallery, rerank: list[str]
) -> None:
    index, settings = made.open()
    steps = parse_steps(rerank)
    query = draw_centres(1, seed=90)
    ranker = Ranker(index, steps=steps, limit=settings.shortlist, wanted=5)
    (expected,) = ranker.rank_all(query, ranker.search(query))
    trial = Trial(query)
    examiner = Examiner(index, shortlist=settings.shortlist, trials=[trial])
    assert show(examiner.ask(trial, steps)) == show(expected)


def test_trial_ranks_as_if_what_it_hides_were_not_in_the_gallery(
    store: VectorStore, made: ClusteredGallery
) -> None:
    """The same photos but one, in a gallery of their own, are the reference."""
    index, settings = made.open()
    trial = list_reference_trials(index, limit=1)[0]
    photos = ReferenceImage.objects.filter(gallery=made.gallery).exclude(regions__in=trial.own)
    keys = dict(photos.order_by("regions__pk").values_list("regions__pk", "product_id"))
    examiner = Examiner(index, shortlist=settings.shortlist, trials=[trial])
    with clustered_gallery(store, photos=[0] * len(made.products), tenant=made.gallery.tenant) as other:
        products = {product.pk: copy for product, copy in zip(made.products, other.products, strict=True)}
        add_photos(other.gallery, [products[key] for key in keys.values()], index.load(keys)[1])
        without, _ = other.open()
        for rerank in RERANKS:
            steps = parse_steps(rerank)
            ranker = Ranker(without, steps=steps, limit=settings.shortlist, wanted=5)
            (expected,) = ranker.rank_all(trial.vectors, ranker.search(trial.vectors))
            found = examiner.ask(trial, steps)
            assert len(found) == len(keys)
            assert [row.match.product.sku for row in found] == [row.match.product.sku for row in expected]
            assert [row.score for row in found] == pytest.approx([row.score for row in expected], abs=1e-4)


def test_shortlist_of_a_trial_is_as_long_as_a_shops(made: ClusteredGallery) -> None:
    index, _ = made.open()
    trials = list_reference_trials(index, limit=1000)
    examiner = Examiner(index, shortlist=10, trials=trials)
    for trial in trials[:5]:
        assert len(examiner.ask(trial, ())) == len(examiner.ask(trial, (), as_stranger=True)) == 10
        found = {row.match.region_key for row in examiner.ask(trial, (), as_stranger=True)}
        assert not found & trial.siblings


def test_distractor_does_not_count_against_itself(made: ClusteredGallery) -> None:
    index, settings = made.open()
    trials = list_distractor_trials(index, limit=10)
    examiner = Examiner(index, shortlist=settings.shortlist, trials=trials)
    steps = parse_steps([{"policy": "distractors", "query_k": 1}])
    for trial in trials:
        penalties = [row.penalty for row in examiner.ask(trial, steps)]
        others = np.concatenate([other.vectors for other in trials if other.exemplar != trial.exemplar])
        nearest = (others @ trial.vectors.T).max(axis=0)
        assert sorted(set(penalties)) == pytest.approx(sorted(nearest.tolist()), abs=1e-5)
        assert max(penalties) < 0.9


def test_what_was_asked_once_is_not_asked_again(made: ClusteredGallery) -> None:
    index, settings = made.open()
    trials = list_reference_trials(index, limit=8)
    examiner = Examiner(index, shortlist=settings.shortlist, trials=trials)
    examiner.prepare(trials)
    for rerank in RERANKS:
        examiner.ask(trials[0], parse_steps(rerank))
    with CaptureQueriesContext(connection) as asked:
        for rerank in RERANKS:
            examiner.ask(trials[0], parse_steps(rerank))
    # `load_negatives` looks whether its distractors are still those.
    assert [query for query in asked if "exemplarregion" not in query["sql"]] == []


def test_photo_in_which_nothing_was_detected_finds_nothing(made: ClusteredGallery) -> None:
    index, settings = made.open()
    trial = Trial(np.zeros((0, index.width), np.float32))
    assert Examiner(index, shortlist=settings.shortlist, trials=[trial]).ask(trial, ()) == []
