import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ranking import augmentation
from retrieval.ranking.augmentation import augment, augment_all
from retrieval.ranking.chain import Shortlist
from tests.retrieval.ranking.shortlists import TOLERANCE, Reals, make_shortlist, normalise, shortlists

_ALPHAS = st.floats(0.5, 5)


def augment_by_reference(vector: Reals, neighbours: Reals, alpha: float) -> Reals:
    total = vector.astype(np.float64)
    for neighbour in neighbours:
        similarity = float(np.dot(vector.astype(np.float64), neighbour.astype(np.float64)))
        total = total + max(similarity, 0.0) ** alpha * neighbour
    return normalise(total)


@given(shortlists(20), st.integers(0, 6), st.integers(0, 99), _ALPHAS)
def test_augmented_vectors_equal_the_reference(shortlist: Shortlist, k: int, seed: int, alpha: float) -> None:
    vectors = shortlist.vectors
    picks = np.random.default_rng(seed).integers(max(len(vectors), 1), size=(len(vectors), k))
    found = augment(vectors, vectors[picks], alpha)

    rows = zip(vectors, vectors[picks], strict=True)
    expected = [augment_by_reference(vector, neighbours, alpha) for vector, neighbours in rows]
    assert found == pytest.approx(np.array(expected).reshape(vectors.shape), abs=TOLERANCE)


@given(shortlists(30), st.integers(1, 8), _ALPHAS, st.integers(1, 40), st.integers(1, 40))
def test_augmented_gallery_equals_the_reference_in_blocks_of_any_size(
    shortlist: Shortlist, k: int, alpha: float, block: int, columns: int
) -> None:
    vectors = shortlist.vectors
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(augmentation, "_COLUMNS", columns)
        found = augment_all(vectors, k, alpha, block)

    exact = vectors.astype(np.float64)
    for place, vector in enumerate(vectors):
        others = [other for other in range(len(vectors)) if other != place]
        nearest = sorted(others, key=lambda other: -float(np.dot(exact[place], exact[other])))[:k]
        expected = augment_by_reference(vector, vectors[nearest], alpha)
        assert found[place] == pytest.approx(expected, abs=TOLERANCE)
    assert found.shape == vectors.shape
    assert found.dtype == vectors.dtype


def test_augmented_vectors_of_a_product_draw_together() -> None:
    shortlist = make_shortlist(degrees=[0, 30, 90, 120])
    found = augment_all(shortlist.vectors, 1)
    assert found[0] @ found[1] > shortlist.vectors[0] @ shortlist.vectors[1]
    assert found[2] @ found[3] > shortlist.vectors[2] @ shortlist.vectors[3]


def test_a_vector_without_others_stays_as_it_is() -> None:
    vectors = make_shortlist(degrees=[20]).vectors
    assert augment_all(vectors, 5) == pytest.approx(vectors)
