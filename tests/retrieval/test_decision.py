"""The decision against a straightforward reference, and by its properties."""

from itertools import combinations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.boxes import Box
from retrieval.decision import (
    SAME_BODY_IOU,
    Candidate,
    RegionVerdict,
    Verdict,
    decide,
    rank_products,
    suppress_repeats,
)
from retrieval.matches import Match, ProductRef


def name_product(number: int) -> ProductRef:
    return ProductRef(id=UUID(int=number), sku=f"sku-{number}", title="", category="")


def make_match(product: int, similarity: float) -> Match:
    return Match(
        region_id=UUID(int=0),
        image_id=UUID(int=0),
        product=name_product(product),
        box=(0, 0, 1, 1),
        similarity=similarity,
    )


def make_region(
    box: tuple[float, float, float, float],
    score: float | None,
    *,
    named: bool = True,
    source: str = "detected",
) -> RegionVerdict:
    candidates = () if score is None else (Candidate(product=name_product(1), score=score),)
    known = named and bool(candidates)
    verdict = Verdict("product" if known else "unknown", None if known else "below_threshold", candidates)
    return RegionVerdict(box=Box(*box), source=source, detection_score=0.5, verdict=verdict)


matches_lists = st.lists(
    st.builds(make_match, st.integers(1, 5), st.floats(-1, 1, allow_nan=False)), max_size=30
)
corners = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.integers(1, 20))
boxes = corners.map(lambda c: (c[0], c[1], c[0] + c[2], c[1] + c[3]))
regions_lists = st.lists(
    st.builds(
        make_region,
        boxes,
        st.none() | st.floats(-1, 1),
        named=st.booleans(),
        source=st.sampled_from(["detected", "detected", "whole"]),
    ),
    max_size=8,
)


def rank_by_reference(matches: list[Match]) -> list[tuple[str, float]]:
    skus = {match.product.sku for match in matches}
    best = [(sku, max(m.similarity for m in matches if m.product.sku == sku)) for sku in skus]
    return sorted(best, key=lambda pair: (-pair[1], pair[0]))


@given(matches_lists)
def test_rank_products_equals_the_reference(matches: list[Match]) -> None:
    ranked = [(candidate.product.sku, candidate.score) for candidate in rank_products(matches)]
    assert ranked == rank_by_reference(matches)


@given(matches_lists, st.floats(-1, 1), st.integers(1, 6))
def test_decide_names_the_best_exactly_when_it_reaches_the_threshold(
    matches: list[Match], threshold: float, top_k: int
) -> None:
    verdict = decide(matches, threshold=threshold, top_k=top_k)
    reference = rank_by_reference(matches)

    assert [(c.product.sku, c.score) for c in verdict.candidates] == reference[:top_k]
    reached = bool(reference) and reference[0][1] >= threshold
    assert verdict.outcome == ("product" if reached else "unknown")
    assert (verdict.reason is None) == reached
    assert (verdict.best is None) == (not reference)


@pytest.mark.parametrize(
    ("scores", "outcome", "reason"),
    [
        ([], "unknown", "empty_gallery"),
        ([0.49], "unknown", "below_threshold"),
        ([0.5], "product", None),
        ([0.2, 0.9], "product", None),
    ],
)
def test_decide_says_why_not(scores: list[float], outcome: str, reason: str | None) -> None:
    verdict = decide([make_match(n, s) for n, s in enumerate(scores)], threshold=0.5, top_k=3)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


@given(regions_lists)
def test_kept_bodies_do_not_overlap_and_each_dropped_one_lost_to_a_better(
    regions: list[RegionVerdict],
) -> None:
    kept = suppress_repeats(regions)
    bodies = [region for region in kept if region.source == "detected"]

    assert all(a.box.iou(b.box) < SAME_BODY_IOU for a, b in combinations(bodies, 2))
    for region in regions:
        if region.source == "detected" and not any(region is body for body in bodies):
            rivals = [body for body in bodies if body.box.iou(region.box) >= SAME_BODY_IOU]
            assert any(score_of(rival) >= score_of(region) for rival in rivals)
    assert [score_of(b) for b in bodies] == sorted((score_of(b) for b in bodies), reverse=True)


@given(regions_lists)
def test_whole_photo_is_kept_exactly_while_it_is_nearer_than_every_named_body(
    regions: list[RegionVerdict],
) -> None:
    kept = suppress_repeats(regions)
    bodies = [r for r in kept if r.source == "detected" and r.verdict.outcome == "product"]
    wholes = [r for r in regions if r.source == "whole"]

    nearer = [whole for whole in wholes if all(score_of(whole) > score_of(body) for body in bodies)]
    assert [r for r in kept if r.source == "whole"] == nearer


@given(regions_lists)
def test_nearest_product_of_all_is_that_of_a_kept_region(regions: list[RegionVerdict]) -> None:
    kept = suppress_repeats(regions)
    assert max(map(score_of, kept), default=None) == max(map(score_of, regions), default=None)


def score_of(region: RegionVerdict) -> float:
    return region.verdict.best.score if region.verdict.best else -1.0


def test_suppress_keeps_the_more_similar_of_two_boxes_on_one_body() -> None:
    worse, better = make_region((0, 0, 10, 10), 0.8), make_region((0, 0, 10, 9), 0.9)
    elsewhere = make_region((50, 50, 60, 60), 0.1, named=False)
    assert suppress_repeats([worse, elsewhere, better]) == [better, elsewhere]


def test_suppress_lets_no_whole_photo_swallow_a_named_body() -> None:
    body = make_region((0, 0, 10, 10), 0.8)
    nearer = make_region((0, 0, 10, 10), 0.99, source="whole")
    farther = make_region((0, 0, 10, 10), 0.7, source="whole")
    assert suppress_repeats([nearer, body]) == [body, nearer]
    assert suppress_repeats([farther, body]) == [body]


def test_suppress_falls_back_to_the_whole_photo_when_no_body_is_named() -> None:
    body = make_region((0, 0, 10, 10), 0.4, named=False)
    whole = make_region((0, 0, 10, 10), 0.9, source="whole")
    assert suppress_repeats([whole, body]) == [body, whole]
