"""The decision against a straightforward reference, and by its properties."""

from itertools import combinations, count
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.boxes import Box
from retrieval.decision import (
    SAME_BODY_IOU,
    Candidate,
    RegionVerdict,
    Rules,
    Verdict,
    decide,
    rank_products,
    reject,
    suppress_repeats,
)
from retrieval.matches import Match, ProductRef
from retrieval.ranked import RankedMatch
from retrieval.ranking.votes import weigh_votes
from retrieval.settings.gallery import Grouping


def name_product(number: int, threshold: float | None = None) -> ProductRef:
    return ProductRef(
        id=UUID(int=number), sku=f"sku-{number}", title="", category="", score_threshold=threshold
    )


_keys = count()


def make_match(
    product: int,
    similarity: float,
    *,
    score: float | None = None,
    penalty: float = 0.0,
    threshold: float | None = None,
) -> RankedMatch:
    """A ranked match; without policies its score is its similarity."""
    match = Match(
        region_key=next(_keys),
        region_id=UUID(int=0),
        image_id=UUID(int=0),
        product=name_product(product, threshold),
        box=(0, 0, 1, 1),
        similarity=similarity,
    )
    return RankedMatch(match, similarity if score is None else score, penalty, before=0)


def make_region(
    box: tuple[float, float, float, float],
    score: float | None,
    *,
    named: bool = True,
    source: str = "detected",
) -> RegionVerdict:
    known = named and score is not None
    candidates = () if score is None else (Candidate(name_product(1), score, score, score),)
    verdict = Verdict("product" if known else "unknown", None if known else "below_threshold", candidates)
    return RegionVerdict(box=Box(*box), source=source, detection_score=0.5, verdict=verdict)


cosines = st.floats(-1, 1, allow_nan=False)
matches_lists = st.lists(
    st.builds(make_match, st.integers(1, 5), cosines, score=st.none() | st.floats(-4, 4)), max_size=30
)
corners = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.integers(1, 20))
boxes = corners.map(lambda c: (c[0], c[1], c[0] + c[2], c[1] + c[3]))
regions_lists = st.lists(
    st.builds(
        make_region,
        boxes,
        st.none() | cosines,
        named=st.booleans(),
        source=st.sampled_from(["detected", "detected", "whole"]),
    ),
    max_size=8,
)


def group(matches: list[RankedMatch]) -> dict[ProductRef, list[RankedMatch]]:
    return {
        product: [match for match in matches if match.match.product == product]
        for product in {match.match.product for match in matches}
    }


@given(matches_lists)
def test_products_come_by_their_best_match_each_with_its_nearest_ones_confidence(
    matches: list[RankedMatch],
) -> None:
    ranked = rank_products(matches, grouping="max", vote_k=1)
    expected = {
        product: (max(m.score for m in own), max(m.match.similarity for m in own))
        for product, own in group(matches).items()
    }
    assert {c.product: (c.rank_score, c.similarity) for c in ranked} == expected
    assert [c.rank_score for c in ranked] == sorted((c.rank_score for c in ranked), reverse=True)
    assert [c.score for c in ranked] == [c.similarity for c in ranked], "nothing was taken off"


@given(matches_lists, st.integers(1, 12))
def test_votes_are_summed_weights_of_the_first_matches(matches: list[RankedMatch], vote_k: int) -> None:
    ranked = rank_products(matches, grouping="vote", vote_k=vote_k)
    ordered = sorted(matches, key=lambda match: -match.score)
    votes: dict[ProductRef, float] = {}
    for match, weight in zip(ordered, weigh_votes([m.score for m in ordered], vote_k), strict=False):
        votes[match.match.product] = votes.get(match.match.product, 0.0) + weight
    assert {c.product for c in ranked} == set(group(matches))
    given_votes = [votes[c.product] for c in ranked if c.product in votes]
    assert given_votes == pytest.approx(sorted(given_votes, reverse=True))
    without = [c.product in votes for c in ranked]
    assert without == sorted(without, reverse=True), "those without a vote follow"


def test_vote_can_overrule_the_best_match() -> None:
    near = [make_match(2, 0.9 - n / 100) for n in range(3)]
    matches = [make_match(1, 0.91), *near, make_match(3, 0.92), make_match(4, 0.3)]
    assert skus(rank_products(matches, grouping="max", vote_k=10))[:3] == ["sku-3", "sku-1", "sku-2"]
    assert skus(rank_products(matches, grouping="vote", vote_k=10))[:3] == ["sku-2", "sku-3", "sku-1"]
    assert skus(rank_products(matches, grouping="vote", vote_k=2))[:3] == ["sku-3", "sku-1", "sku-2"]


def test_reference_near_to_several_regions_votes_once() -> None:
    copy, alike, tail = make_match(1, 1.0), make_match(2, 0.95), make_match(3, 0.5)
    matches = [copy, *[alike] * 6, tail]
    assert skus(rank_products(matches, grouping="vote"))[0] == "sku-1"


def test_vote_does_not_overrule_a_copy_of_a_reference_photo() -> None:
    alike = [make_match(2, 0.84 - n / 1000) for n in range(19)]
    matches = [make_match(1, 1.0), *alike, make_match(3, 0.7)]
    assert skus(rank_products(matches, grouping="vote", vote_k=20))[0] == "sku-1"


def skus(candidates: list[Candidate]) -> list[str]:
    return [candidate.product.sku for candidate in candidates]


@given(matches_lists, cosines, st.integers(1, 6), st.sampled_from(["max", "vote"]))
def test_decide_names_the_first_exactly_when_it_reaches_the_threshold(
    matches: list[RankedMatch], threshold: float, top_k: int, grouping: Grouping
) -> None:
    verdict = decide(matches, Rules(threshold=threshold, grouping=grouping, top_k=top_k))
    ranked = rank_products(matches, grouping=grouping)

    assert verdict.candidates == tuple(ranked[:top_k])
    reached = bool(ranked) and ranked[0].score >= threshold
    assert verdict.outcome == ("product" if reached else "unknown")
    assert (verdict.reason is None) == reached
    assert verdict.best == (ranked[0] if ranked else None), "the best rejected one is always there"


@pytest.mark.parametrize(
    ("matches", "margin", "reason"),
    [
        ([], 0, "empty_gallery"),
        ([make_match(1, 0.49)], 0, "below_threshold"),
        ([make_match(1, 0.5)], 0, None),
        ([make_match(1, 0.2), make_match(2, 0.9)], 0, None),
        ([make_match(1, 0.9), make_match(2, 0.86)], 0.05, "ambiguous"),
        ([make_match(1, 0.9), make_match(2, 0.8)], 0.05, None),
        ([make_match(1, 0.9), make_match(1, 0.9)], 0.05, None),
        ([make_match(1, 0.45), make_match(2, 0.44)], 0.05, "below_threshold"),
        ([make_match(1, 0.7, penalty=0.3)], 0, "distractor"),
        ([make_match(1, 0.7, penalty=0.1)], 0, None),
        ([make_match(1, 0.4, penalty=0.3)], 0, "below_threshold"),
        ([make_match(1, 0.4, penalty=-0.2)], 0, None),
        ([make_match(1, 0.6, threshold=0.65)], 0, "below_threshold"),
        ([make_match(1, 0.3, threshold=0.25)], 0, None),
        ([make_match(1, 0.3, threshold=0.0)], 0, None),
        ([make_match(1, 0.3), make_match(2, 0.2, threshold=0.1)], 0, "below_threshold"),
    ],
    ids=[
        "none",
        "below",
        "at",
        "above",
        "near-second",
        "far-second",
        "same-product",
        "below-and-near",
        "penalised",
        "penalised-little",
        "low-and-penalised",
        "unlike-distractors",
        "product-stricter",
        "product-laxer",
        "product-at-zero",
        "threshold-of-the-second",
    ],
)
def test_decide_says_why_not(matches: list[RankedMatch], margin: float, reason: str | None) -> None:
    verdict = decide(matches, Rules(threshold=0.5, margin=margin))
    assert (verdict.outcome, verdict.reason) == ("unknown" if reason else "product", reason)
    assert len(verdict.candidates) == len(group(matches))


@pytest.mark.parametrize(("margin", "reason"), [(0.0, None), (0.01, "ambiguous")])
def test_product_that_ranking_put_before_a_more_similar_one_stands_without_a_margin(
    margin: float, reason: str | None
) -> None:
    matches = [make_match(1, 0.7, score=2.0), make_match(2, 0.8, score=0.9)]
    verdict = decide(matches, Rules(threshold=0.5, margin=margin))
    assert verdict.reason == reason
    assert verdict.best is not None
    assert verdict.best.product.sku == "sku-1"


def test_rejected_verdict_keeps_its_candidates() -> None:
    verdict = decide([make_match(1, 0.9)], Rules(threshold=0.5))
    rejected = reject(verdict, "below_threshold")
    assert (rejected.outcome, rejected.reason) == ("unknown", "below_threshold")
    assert rejected.candidates == verdict.candidates


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
    return region.verdict.best.score if region.verdict.best else -2.0


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
