"""The final order: the ranking room's own chain, on what a gallery's index gives."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from retrieval.index.reconciling import reconcile_index
from retrieval.index.store import VectorStore
from retrieval.negatives import load_negatives
from retrieval.ranked import RankedMatch, Ranker
from retrieval.ranking.chain import Shortlist, rank
from retrieval.ranking.policies import parse_steps, split_steps
from retrieval.ranking.query_expansion import expand_alpha, expand_average
from tenants.models import Exemplar, ReferenceImage
from tenants.scope import tenant_scope
from tests.retrieval.exemplars import add_exemplar
from tests.retrieval.shelf import Shelf, list_region_ids
from tests.retrieval.stock import (
    Vectors,
    add_products,
    add_stock,
    draw_near,
    draw_units,
    open_live,
    stocked_shelf,
)

MODEL = "efficientnet_lite2"
PRODUCTS, EACH = 8, 3
POLICIES: list[list[Any]] = [
    [],
    ["k_reciprocal"],
    ["soft_rank"],
    ["distractors"],
    ["distractors", "soft_rank"],
    [{"policy": "k_reciprocal", "k1": 5, "k2": 2, "lambda": 0.5}, "soft_rank", "distractors"],
    ["aqe"],
    [{"policy": "alpha_qe", "k": 2, "alpha": 1.0}],
    ["aqe", "alpha_qe", "k_reciprocal", "distractors", "soft_rank"],
]


def stock_clusters(shelf: Shelf, dim: int) -> None:
    """Photos around their product's centre, in no order."""
    products = add_products(shelf.gallery, PRODUCTS)
    owners = np.random.default_rng(3).permutation(np.repeat(np.arange(PRODUCTS), EACH))
    vectors = draw_near(draw_units(PRODUCTS, dim, 0)[owners], 1.2, seed=1)
    add_stock(shelf.gallery, {MODEL: vectors}, products=[products[at] for at in owners])


@pytest.fixture(scope="module")
def made(rows: None, store: VectorStore) -> Iterator[Shelf]:
    with stocked_shelf(store, 0, preset="exact", embedders=[MODEL]) as shelf:
        dim = shelf.space.dim
        stock_clusters(shelf, dim)
        reconcile_index(shelf.index)
        shelf.gallery.refresh_from_db()
        add_exemplar(shelf.tenant.id, draw_near(draw_units(PRODUCTS, dim, 0)[:2], 0.9, seed=8), MODEL)
        add_exemplar(shelf.tenant.id, draw_units(15, dim, 9), MODEL)
        yield shelf


@pytest.fixture
def shelf(made: Shelf) -> Iterator[Shelf]:
    with tenant_scope(made.tenant.id):
        yield made


def draw_queries(shelf: Shelf, noise: float = 1.0) -> Vectors:
    return draw_near(draw_units(PRODUCTS, shelf.space.dim, 0)[:4], noise, seed=5)


def open_ranker(shelf: Shelf, policies: list[Any], *, limit: int = 12, **given: Any) -> Ranker:
    return Ranker(open_live(shelf), steps=parse_steps(policies), limit=limit, wanted=5, **given)


def rank_with(
    shelf: Shelf, policies: list[Any], *, limit: int = 12, noise: float = 1.0
) -> list[list[RankedMatch]]:
    ranker, queries = open_ranker(shelf, policies, limit=limit), draw_queries(shelf, noise)
    return ranker.rank_all(queries, ranker.search(queries))


@pytest.fixture
def gallery_vectors(shelf: Shelf) -> dict[int, Vectors]:
    keys, vectors = open_live(shelf).load(list_region_ids(shelf))
    return dict(zip(keys.tolist(), vectors, strict=True))


def find_labels(shelf: Shelf) -> dict[int, int]:
    """A number for the product of each region."""
    rows = ReferenceImage.objects.filter(gallery=shelf.gallery).values_list("regions__pk", "product_id")
    numbers = {product: number for number, product in enumerate(sorted({product for _, product in rows}))}
    return {key: numbers[product] for key, product in rows}


def nearest(query: Vectors, vectors: dict[int, Vectors], count: int) -> list[int]:
    return sorted(vectors, key=lambda key: -float(vectors[key] @ query))[:count]


def rank_by_hand(
    shelf: Shelf, query: Vectors, vectors: dict[int, Vectors], policies: list[Any], limit: int
) -> tuple[list[int], Any]:
    """Keys, best first, and the ranking, by brute force over all vectors and the ranking room's chain."""
    expansions, steps = split_steps(parse_steps(policies))
    keys = nearest(query, vectors, limit)
    for step in expansions:
        rows = np.stack([vectors[key] for key in keys])
        if step.policy == "aqe":
            query = np.asarray(expand_average(query, rows, step.count("k")), np.float32)
        else:
            query = np.asarray(expand_alpha(query, rows, step.count("k"), step.params["alpha"]), np.float32)
        keys = nearest(query, vectors, limit)
    rows, labels = np.stack([vectors[key] for key in keys]), find_labels(shelf)
    shortlist = Shortlist(
        query=query,
        vectors=rows,
        similarities=rows @ query,
        labels=np.array([labels[key] for key in keys], np.int64),
        confidences=np.array([sum_others(key, vectors) for key in keys]),
        negatives=load_negatives(open_live(shelf)),
    )
    ranking = rank(shortlist, steps)
    return [keys[at] for at in ranking.order], ranking


def sum_others(key: int, vectors: dict[int, Vectors]) -> float:
    """The sum of the top 3 cosines of a photo to others, itself left out."""
    return float(np.sort([vectors[key] @ vectors[other] for other in vectors if other != key])[-3:].sum())


@pytest.mark.parametrize("policies", POLICIES, ids=str)
def test_order_is_that_of_the_ranking_room(
    shelf: Shelf, gallery_vectors: dict[int, Vectors], policies: list[Any]
) -> None:
    for query, row in zip(draw_queries(shelf), rank_with(shelf, policies), strict=True):
        keys, ranking = rank_by_hand(shelf, query, gallery_vectors, policies, 12)
        assert [ranked.match.region_key for ranked in row] == keys
        assert [ranked.score for ranked in row] == pytest.approx(ranking.scores[ranking.order], abs=1e-4)
        expected = {
            policy: {name: values[ranking.order] for name, values in terms.items()}
            for policy, terms in ranking.terms.items()
        }
        assert {policy for ranked in row for policy in ranked.terms} == set(expected)
        for policy, terms in expected.items():
            for name, values in terms.items():
                said = [ranked.terms[policy][name] for ranked in row]
                assert said == pytest.approx(values, abs=1e-4), (policy, name)


@pytest.mark.parametrize("policies", POLICIES, ids=str)
def test_similarity_is_the_cosine_to_the_query_whatever_the_order_is_made_by(
    shelf: Shelf, gallery_vectors: dict[int, Vectors], policies: list[Any]
) -> None:
    for query, row in zip(draw_queries(shelf), rank_with(shelf, policies), strict=True):
        cosines = [float(gallery_vectors[ranked.match.region_key] @ query) for ranked in row]
        assert [ranked.match.similarity for ranked in row] == pytest.approx(cosines, abs=1e-4)
        assert [ranked.confidence + ranked.penalty for ranked in row] == pytest.approx(cosines, abs=1e-4)


def test_place_before_is_that_without_policies(shelf: Shelf) -> None:
    for plain, row in zip(rank_with(shelf, []), rank_with(shelf, ["soft_rank"]), strict=True):
        places = {ranked.match.region_key: place for place, ranked in enumerate(plain)}
        assert [ranked.before for ranked in plain] == list(range(len(plain)))
        assert [ranked.before for ranked in row] == [places[ranked.match.region_key] for ranked in row]
    assert any(
        ranked.before != place for row in rank_with(shelf, ["soft_rank"]) for place, ranked in enumerate(row)
    ), "the policy has changed something"


def test_expansion_searches_again_and_marks_what_only_it_has_found(shelf: Shelf) -> None:
    expanded = rank_with(shelf, [{"policy": "aqe", "k": 2}], limit=6, noise=4.0)
    plain = rank_with(shelf, [], limit=6, noise=4.0)
    new = [ranked for row in expanded for ranked in row if ranked.before == -1]
    assert new
    before = [{ranked.match.region_key for ranked in row} for row in plain]
    for row, known in zip(expanded, before, strict=True):
        assert len(row) == 6
        assert {r.match.region_key for r in row if r.before >= 0} == {r.match.region_key for r in row} & known


def test_distractors_take_the_querys_likeness_off_every_confidence(shelf: Shelf) -> None:
    negatives = load_negatives(open_live(shelf))
    assert len(negatives) == 17
    for query, row in zip(draw_queries(shelf), rank_with(shelf, ["distractors"]), strict=True):
        penalty = float(np.sort(negatives @ query)[-10:].mean())
        assert [ranked.penalty for ranked in row] == pytest.approx([penalty] * len(row), abs=1e-5)
        assert [ranked.match.similarity - ranked.confidence for ranked in row] == pytest.approx(
            [penalty] * len(row), abs=1e-5
        )
    near, far = (row[0].penalty for row in (rank_with(shelf, ["distractors"])[at] for at in (0, 3)))
    assert near > far + 0.02, "a query like a distractor loses more"
    assert {ranked.penalty for row in rank_with(shelf, ["soft_rank"]) for ranked in row} == {0.0}


@pytest.mark.parametrize("policies", [[], ["aqe", "k_reciprocal", "soft_rank", "distractors"]], ids=str)
def test_query_that_finds_nothing_has_no_matches(shelf: Shelf, policies: list[Any]) -> None:
    queries = draw_queries(shelf)
    assert open_ranker(shelf, policies).rank_all(queries, [[], [], [], []]) == [[], [], [], []]


def test_negatives_follow_the_distractors_and_stay_with_their_tenant(shelf: Shelf) -> None:
    index = open_live(shelf)
    before = load_negatives(index)
    assert load_negatives(index) is before, "remembered while nothing changes"
    added = add_exemplar(shelf.tenant.id, draw_units(1, shelf.space.dim, 30), MODEL)
    assert len(load_negatives(index)) == len(before) + 1
    Exemplar.objects.filter(pk=added.pk).delete()
    assert np.array_equal(load_negatives(index), before)
    add_exemplar(shelf.tenant.id, draw_units(1, 8, 31), "another model").delete()


def test_distractors_of_globex_do_not_count_at_acme(shelf: Shelf, store: VectorStore) -> None:
    """Nor do they stay in a cache: the one looks, then the other, then the first again."""
    acme = load_negatives(open_live(shelf))
    with stocked_shelf(store, 0, name="globex", preset="exact", embedders=[MODEL]) as globex:
        index = open_live(globex)
        assert load_negatives(index).shape == (0, index.width)
        own = draw_units(17, index.width, 40)
        add_exemplar(globex.tenant.id, own, MODEL)
        assert np.allclose(load_negatives(index), own, atol=1e-3)
    with tenant_scope(shelf.tenant.id):
        assert np.array_equal(load_negatives(open_live(shelf)), acme)


def test_expansion_that_leaves_the_radius_keeps_what_the_query_has_found(
    rows: None, store: VectorStore
) -> None:
    """The query is its only neighbours' code; the mean with more of them is nobody's."""
    with stocked_shelf(store, 0, representation="binary", embedders=[MODEL]) as shelf:
        stock_clusters(shelf, shelf.space.dim)
        reconcile_index(shelf.index)
        keys, vectors = open_live(shelf).load(list_region_ids(shelf))
        index = open_live(shelf, hamming_radius=0)
        steps = parse_steps([{"policy": "aqe", "k": 5}, "k_reciprocal", "soft_rank"])
        ranker = Ranker(index, steps=steps, limit=12, wanted=5)
        free = open_live(shelf).search(vectors, limit=12, wanted=5)

        (first, *_) = ranker.rank_all(vectors[:1], free[:1])
        assert first[0].match.region_key == keys[0]
        assert len(first) == 12, "nothing lies within the radius of the mean"
        within = ranker.rank_all(vectors, ranker.search(vectors))

        assert [[ranked.match.region_key for ranked in row] for row in within] == [[key] for key in keys]
        assert {ranked.match.distance for row in within for ranked in row} == {0}
