"""Shortlists to rank: random ones with groups of neighbours, duplicates and ties, and a few made by hand."""

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from retrieval.ranking.chain import Shortlist

Reals = npt.NDArray[np.floating[Any]]
TOLERANCE = 1e-6


def draw_vectors(rng: np.random.Generator, count: int, dim: int, centres: Reals) -> Reals:
    """Unit vectors (count, dim), each near one of the centres, some of them twice."""
    near = centres[rng.integers(len(centres), size=count)] + 0.8 * rng.normal(size=(count, dim))
    twice = rng.random(count) < 0.2
    near[twice] = near[rng.integers(max(count, 1), size=int(twice.sum()))]
    return np.asarray(near / np.linalg.norm(near, axis=1, keepdims=True))


def draw_shortlist(
    seed: int, count: int, *, negatives: int = 7, dim: int = 8, single: bool = False
) -> Shortlist:
    """A query and its neighbours, nearest first, of three groups; everything known about them."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(3, dim))
    kind: type[np.floating[Any]] = np.float32 if single else np.float64
    query: Reals = draw_vectors(rng, 1, dim, centres)[0].astype(kind)
    vectors: Reals = draw_vectors(rng, count, dim, centres).astype(kind)
    similarities = vectors @ query  # once: summed in another order, a duplicate's may differ in the last bit
    nearest = np.argsort(-similarities, kind="stable")
    return Shortlist(
        query=query,
        vectors=vectors[nearest],
        similarities=similarities[nearest],
        labels=rng.integers(4, size=count),
        confidences=rng.uniform(-1, 3, size=count),
        negatives=draw_vectors(rng, negatives, dim, centres).astype(kind),
    )


def shortlists(most: int = 60) -> st.SearchStrategy[Shortlist]:
    """Of 0 to `most` candidates: often none, one or two, often fewer than k1."""
    counts = st.integers(0, 3) | st.integers(0, most)
    negatives = st.integers(0, 12)
    return st.builds(draw_shortlist, st.integers(0, 2**32), counts, negatives=negatives, single=st.booleans())


def make_shortlist(*, degrees: list[float], labels: list[int] | None = None) -> Shortlist:
    """A query along the first axis of the plane and candidates at these angles to it."""
    angles = np.radians(degrees)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    query = np.array([1.0, 0.0])
    return Shortlist(query, vectors, vectors @ query, np.array(labels or range(len(degrees))))


def normalise(vector: Reals) -> Reals:
    """At unit length, in the plainest way."""
    return np.asarray(vector / np.sqrt(sum(float(number) ** 2 for number in vector)))
