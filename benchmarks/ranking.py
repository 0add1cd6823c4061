"""What each re-ranking policy costs for one shortlist, in milliseconds.

100 candidates of 512 dimensions in ten groups, 200 distractors; wanted at the median: at most 5 ms for
k-reciprocal, 1 ms for each of the others. Needs no server: `python -m benchmarks.ranking`.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from benchmarks.figures import Spread, spread_of, write_figures
from retrieval.ranking.augmentation import augment
from retrieval.ranking.categories import vote
from retrieval.ranking.chain import Shortlist, rank
from retrieval.ranking.distractors import find_query_penalty
from retrieval.ranking.ensembles import DEPTH, fuse_early, fuse_late
from retrieval.ranking.policies import parse_steps
from retrieval.ranking.query_expansion import expand_alpha, expand_average
from retrieval.ranking.soft_rank import sum_top
from retrieval.ranking.vectors import Reals, scale_to_unit

CANDIDATES, DIM, NEGATIVES, GROUPS = 100, 512, 200, 10
_WARM_UP = 20


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    repeats: int = parser.parse_args().repeats
    policies = list_policies(np.random.default_rng(1))
    figures = {name: measure(run, repeats) for name, run in policies.items()}
    print(f"{CANDIDATES} candidates of {DIM} dimensions, {NEGATIVES} distractors, {repeats} repeats, in ms")
    print(f"{'policy':<22}{'p50':>8}{'p95':>8}{'wanted':>8}")
    for name, spread in figures.items():
        wanted = 5 if name == "k_reciprocal" else 1
        mark = "" if spread.p50 <= wanted else "  missed"
        print(f"{name:<22}{spread.p50:>8.2f}{spread.p95:>8.2f}{wanted:>8}{mark}")
    write_figures("ranking", dict(figures))


def measure(run: Callable[[], object], repeats: int) -> Spread:
    """Milliseconds of one call, after a few that do not count."""
    for _ in range(_WARM_UP):
        run()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        taken.append((time.perf_counter() - started) * 1000)
    return spread_of(taken)


def list_policies(rng: np.random.Generator) -> Mapping[str, Callable[[], object]]:
    """Each policy on the same shortlist, as a call without arguments."""
    shortlist, negatives = draw_shortlist(rng)
    query, vectors = shortlist.query, shortlist.vectors
    neighbours = vectors[rng.integers(CANDIDATES, size=(CANDIDATES, 10))]
    lists = [(rng.permutation(5 * DEPTH)[:DEPTH], rng.random(DEPTH)) for _ in range(2)]
    categories = [f"category {label}" for label in shortlist.labels]
    reranking = ["k_reciprocal", "soft_rank", "distractors"]
    return {
        **{name: partial(rank, shortlist, parse_steps([name])) for name in reranking},
        "distractors (query)": partial(find_query_penalty, query, negatives),
        "soft_rank (c_i)": partial(sum_top, rng.random((CANDIDATES, DIM))),
        "aqe": partial(expand_average, query, vectors, 5),
        "alpha_qe": partial(expand_alpha, query, vectors, 5),
        "dba (100 vectors)": partial(augment, vectors, neighbours),
        "fuse_late (2 x 750)": partial(fuse_late, lists),
        "fuse_early (2 models)": partial(fuse_early, [vectors, vectors]),
        "category vote": partial(vote, categories, shortlist.similarities, detector_label="category 1"),
    }


def draw_shortlist(rng: np.random.Generator) -> tuple[Shortlist, Reals]:
    """A shortlist as float32 embedders give it, nearest first, and the distractors in it."""
    centres = rng.normal(size=(GROUPS, DIM))
    labels = rng.integers(GROUPS, size=CANDIDATES)
    vectors = draw_near(rng, centres[labels])
    query = draw_near(rng, centres[:1])[0]
    negatives = draw_near(rng, rng.normal(size=(NEGATIVES, DIM)))
    nearest = np.argsort(-(vectors @ query))
    vectors, labels = vectors[nearest], labels[nearest]
    shortlist = Shortlist(query, vectors, vectors @ query, labels, sum_top(vectors @ vectors.T), negatives)
    return shortlist, negatives


def draw_near(rng: np.random.Generator, centres: Reals) -> Reals:
    """One float32 unit vector near each centre (n, d)."""
    return scale_to_unit((centres + rng.normal(size=centres.shape)).astype(np.float32))


if __name__ == "__main__":
    main()
