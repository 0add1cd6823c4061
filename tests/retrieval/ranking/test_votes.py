import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ranking.votes import weigh_votes

falling = st.lists(st.floats(-1, 4), max_size=60).map(lambda scores: sorted(scores, reverse=True))


@given(falling, st.integers(1, 12))
def test_votes_equal_the_fourth_power_of_each_lead_over_the_tail(scores: list[float], voters: int) -> None:
    tail = scores[: 5 * voters][-1] if scores else 0.0
    expected = []
    for score in scores[:voters]:
        lead = scores[0] - tail
        expected.append(((score - tail) / lead) ** 4 if lead > 0 else 1.0)
    assert weigh_votes(scores, voters).tolist() == pytest.approx(expected, abs=1e-6)


@given(falling, st.integers(1, 12), st.floats(0.1, 10), st.floats(-5, 5))
def test_votes_do_not_depend_on_the_scale_of_the_scores(
    scores: list[float], voters: int, factor: float, offset: float
) -> None:
    rounded = np.round(np.array(scores), 3)
    moved = weigh_votes(rounded * factor + offset, voters)
    assert moved == pytest.approx(weigh_votes(rounded, voters), abs=1e-6)
