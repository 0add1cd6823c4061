import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ranking.chain import Shortlist
from retrieval.ranking.ensembles import fuse_early, fuse_late
from tests.retrieval.ranking.shortlists import TOLERANCE, draw_shortlist, normalise, shortlists

_LISTS = st.lists(
    st.dictionaries(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9), st.integers(-8, 8)), max_size=4
)


@given(_LISTS, st.integers(1, 12))
def test_late_fusion_equals_the_reference(eighths: list[dict[int, int]], keep: int) -> None:
    sums: dict[int, float] = {}
    for found in eighths:
        for region, similarity in found.items():
            sums[region] = sums.get(region, 0.0) + similarity / 8
    expected = sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:keep]

    lists = [
        (np.array(list(found), dtype=np.int64), np.array(list(found.values()), dtype=np.float32) / 8)
        for found in eighths
    ]
    ids, scores = fuse_late(lists, keep=keep)
    assert ids.tolist() == [region for region, _ in expected]
    assert scores == pytest.approx(np.array([score for _, score in expected], dtype=float), abs=TOLERANCE)


def test_late_fusion_prefers_what_both_models_found_and_keeps_a_hundred() -> None:
    one = (np.arange(750), np.linspace(0.9, 0.1, 750))
    other = (np.array([40, 9000]), np.array([0.6, 0.95]))
    ids, scores = fuse_late([one, other])
    assert ids[:3].tolist() == [40, 9000, 0]
    assert len(ids) == len(scores) == 100


@given(shortlists(), st.integers(0, 99))
def test_early_fusion_equals_the_reference(shortlist: Shortlist, seed: int) -> None:
    one = shortlist.vectors
    other = draw_shortlist(seed, len(one), dim=5).vectors
    fused = fuse_early([one, other])

    assert fused.shape == (len(one), 13)
    for row, first, second in zip(fused, one, other, strict=True):
        assert row == pytest.approx(normalise(np.array([*first, *second])), abs=TOLERANCE)


def test_early_fusion_averages_the_cosines() -> None:
    one, other = draw_shortlist(1, 5).vectors, draw_shortlist(2, 5, dim=4).vectors
    fused = fuse_early([one, other])
    assert fused @ fused.T == pytest.approx((one @ one.T + other @ other.T) / 2)
    assert fuse_early([one]) == pytest.approx(one)


def test_early_fusion_leaves_a_vector_of_zeros_alone() -> None:
    assert (fuse_early([np.zeros((1, 3)), np.zeros((1, 2))]) == 0).all()
