"""The chain against its steps, each of which its own test compares with a reference."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ranking.chain import Shortlist, rank
from retrieval.ranking.policies import Policy, Step, parse_steps
from tests.retrieval.ranking.shortlists import TOLERANCE, Reals, draw_shortlist, make_shortlist, shortlists
from tests.retrieval.ranking.test_distractors import find_mean_by_reference
from tests.retrieval.ranking.test_k_reciprocal import Reference
from tests.retrieval.ranking.test_soft_rank import predict_by_reference

_RERANKING = ["k_reciprocal", "soft_rank", "distractors"]
_CHAINS = st.lists(st.sampled_from(_RERANKING), unique=True)


def score_by_reference(name: str, shortlist: Shortlist, scores: Reals, *, first: bool) -> Reals:
    """The scores (n,) after a step with its defaults, from those before it."""
    if name == "k_reciprocal":
        reference = Reference(shortlist.query, shortlist.vectors)
        cosines = scores if first else 1 - np.array(reference.apart[0][1:])
        return 1 - (0.7 * np.array(reference.jaccard(20, 6)) + 0.3 * (1 - cosines))
    if name == "soft_rank":
        assert shortlist.confidences is not None
        label = predict_by_reference(scores, shortlist.labels, 3)
        rows = zip(scores, shortlist.labels, shortlist.confidences, strict=True)
        return np.array([s + c if own == label else s - 0.1 * c for s, own, c in rows])
    terms = [find_mean_by_reference(vector, shortlist.negatives, 5) for vector in shortlist.vectors]
    return np.array([min(max(s, 0), 1) - t for s, t in zip(scores, terms, strict=True)])


@given(shortlists(25), _CHAINS)
def test_every_step_of_a_chain_equals_the_reference(shortlist: Shortlist, names: list[str]) -> None:
    found = rank(shortlist, parse_steps(names))

    scores = shortlist.similarities.astype(np.float64)
    for place, name in enumerate(names):
        if name in found.terms:
            expected = score_by_reference(name, shortlist, scores, first=place == 0)
            scores = found.terms[name]["score"]
            assert scores == pytest.approx(expected, abs=TOLERANCE)
    assert found.scores == pytest.approx(scores)


@given(shortlists(25), _CHAINS)
def test_steps_run_wherever_they_have_what_they_need(shortlist: Shortlist, names: list[str]) -> None:
    assert shortlist.negatives is not None
    lacking = set() if len(shortlist.vectors) else {"soft_rank"}
    if not len(shortlist.negatives):
        lacking.add("distractors")
    found = rank(shortlist, parse_steps(names))
    assert list(found.terms) == [name for name in names if name not in lacking]


@given(shortlists(25), _CHAINS)
def test_order_is_by_score_then_by_similarity(shortlist: Shortlist, names: list[str]) -> None:
    found = rank(shortlist, parse_steps(names))
    places = range(len(found.scores))
    expected = sorted(places, key=lambda at: (-found.scores[at], -shortlist.similarities[at], at))
    assert found.order.tolist() == expected


@given(shortlists(25), _CHAINS)
def test_terms_add_up_to_the_score_of_their_step(shortlist: Shortlist, names: list[str]) -> None:
    found = rank(shortlist, parse_steps(names))

    before = shortlist.similarities.astype(np.float64)
    for policy, terms in found.terms.items():
        if policy == "k_reciprocal":
            expected = 1 - 0.7 * terms["jaccard"] - 0.3 * terms["original"]
        elif policy == "soft_rank":
            lift = np.where(terms["same_label"] == 1, 1.0, -0.1)
            assert terms["shift"] == pytest.approx(lift * terms["confidence"])
            expected = before + terms["shift"]
        else:
            assert terms["clamped"] == pytest.approx(np.clip(before, 0, 1))
            expected = terms["clamped"] - terms["penalty"]
        assert terms["score"] == pytest.approx(expected)
        before = terms["score"]
    assert found.scores == pytest.approx(before)


@given(shortlists())
def test_rank_without_steps_orders_by_similarity(shortlist: Shortlist) -> None:
    found = rank(shortlist, [])
    assert found.order.tolist() == list(range(len(shortlist.vectors)))
    assert found.scores == pytest.approx(shortlist.similarities)
    assert found.terms == {}


@given(shortlists(), st.lists(st.sampled_from(["soft_rank", "distractors"]), unique=True))
def test_steps_without_their_inputs_change_nothing(shortlist: Shortlist, names: list[str]) -> None:
    for negatives in (None, shortlist.vectors[:0]):
        bare = replace(shortlist, confidences=None, negatives=negatives)
        found = rank(bare, parse_steps(names))
        assert found.scores == pytest.approx(shortlist.similarities)
        assert found.terms == {}


def test_equal_scores_keep_the_nearer_first() -> None:
    shortlist = replace(
        make_shortlist(degrees=[10, 20, 30, 30]),
        similarities=np.array([1.3, 1.5, 0.2, 0.2]),
        negatives=make_shortlist(degrees=[90]).vectors * 0,
    )
    found = rank(shortlist, [Step(Policy.DISTRACTORS)])
    assert found.scores == pytest.approx(np.array([1, 1, 0.2, 0.2]))
    assert found.order.tolist() == [1, 0, 2, 3]


def test_first_step_compares_the_cosines_that_the_search_found() -> None:
    shortlist = draw_shortlist(5, 10)
    other = replace(shortlist, similarities=shortlist.similarities / 2)
    steps = parse_steps(["k_reciprocal"])
    first = rank(other, steps).terms["k_reciprocal"]["original"]
    assert first == pytest.approx(1 - other.similarities)

    later = rank(other, parse_steps(["soft_rank", "k_reciprocal"])).terms["k_reciprocal"]["original"]
    assert later == pytest.approx(1 - shortlist.similarities)


def test_parameters_reach_their_steps() -> None:
    shortlist = draw_shortlist(6, 50, negatives=12)
    for name, parameter, value in [
        ("k_reciprocal", "k1", 3),
        ("k_reciprocal", "k2", 1),
        ("k_reciprocal", "lambda", 0.9),
        ("distractors", "k", 1),
    ]:
        plain = rank(shortlist, parse_steps([name]))
        changed = rank(shortlist, parse_steps([{"policy": name, parameter: value}]))
        assert not np.allclose(plain.scores, changed.scores)
    voters = replace(make_shortlist(degrees=[10, 20, 30], labels=[1, 2, 2]), confidences=np.ones(3))
    assert rank(voters, parse_steps(["soft_rank"])).order.tolist() == [1, 2, 0]
    nearest = parse_steps([{"policy": "soft_rank", "neighbours": 1}])
    assert rank(voters, nearest).order.tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["aqe", "alpha_qe"])
def test_rank_refuses_a_step_that_searches_again(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} needs a new search"):
        rank(draw_shortlist(1, 3), parse_steps([name]))
