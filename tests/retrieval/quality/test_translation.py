"""Thresholds translated from one index's scores to another's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.quality.translation import Translation
from retrieval.ranking.measures import trace_acceptance

STRANGERS = np.random.default_rng(0).normal(0.8, 0.04, 400).clip(-1, 1)


def stretch(
    scores: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return (scores - 0.7) * 2.5


def translate(threshold: float) -> float:
    genuine = STRANGERS + 0.05
    before = trace_acceptance(genuine, STRANGERS)
    after = trace_acceptance(stretch(genuine), stretch(STRANGERS))
    return Translation(before, after).apply(threshold)


@given(st.floats(0.7, 0.9))
def test_translated_threshold_lets_the_same_share_of_strangers_pass(threshold: float) -> None:
    passed = (threshold <= STRANGERS).mean()
    assert (stretch(STRANGERS) >= translate(threshold)).mean() == pytest.approx(passed, abs=0.02)


def test_threshold_that_nothing_reaches_is_reached_by_nothing_afterwards() -> None:
    assert translate(0.99) > stretch(STRANGERS + 0.05).max()


def test_threshold_that_everything_reaches_is_reached_by_everything_afterwards() -> None:
    assert (stretch(STRANGERS) >= translate(-1.0)).all()


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_translation_keeps_the_order_of_thresholds_and_the_limits(one: float, other: float) -> None:
    low, high = translate(min(one, other)), translate(max(one, other))
    assert -1 <= low <= high + 1e-9 <= 1 + 1e-9
