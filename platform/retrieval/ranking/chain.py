"""The re-ranking steps of a request, one after the other, on one shortlist.

What a step does with the scores that it is given (first: the cosines of the search):

- soft_rank predicts the query's label from the best of them and shifts them. The result is no cosine: it may
  reach 4, when three other pictures agree with a candidate.
- distractors clamps them to 0..1 and takes the resemblance to the negatives away. After soft_rank the clamp
  levels what that step lifted above 1, so distractors is better named before it.
- k_reciprocal compares whole neighbourhoods, so it ranks anew: the score is 1 - final, whose smaller part
  (lambda) is the given scores while those are cosines, that is when it comes first, and q.v_i after another
  step, since a shifted score against a Jaccard distance of 0..1 would weigh by accident. So it is better
  named before the steps that shift; what they did before it does not count.

Expansions (aqe, alpha_qe) make a new query and need a new search, which is the caller's; see
`policies.split_steps`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.ranking.distractors import penalise
from retrieval.ranking.k_reciprocal import find_distances
from retrieval.ranking.policies import Policy, Step
from retrieval.ranking.soft_rank import find_shifts, predict_label
from retrieval.ranking.vectors import Doubles, Labels, Reals

Terms = Mapping[str, Doubles]


@dataclass(frozen=True)
class Shortlist:
    """A query and its n nearest candidates, nearest first; vectors of unit length.

    query         (d,)
    vectors       (n, d)
    similarities  (n,) cosines to the query, as the search or its exact rescoring found them
    labels        (n,) int64, the product of each
    confidences   (n,) c_i of `soft_rank.sum_top`; None where they are not known
    negatives     (m, d) the tenant's distractors; None or empty where there are none
    """

    query: Reals
    vectors: Reals
    similarities: Reals
    labels: Labels
    confidences: Reals | None = None
    negatives: Reals | None = None


@dataclass(frozen=True)
class Ranking:
    """The order of a shortlist, best first, as places (n,) in it, and what each score is made of.

    scores  (n,) float64 in the order of the shortlist, not of the ranking
    terms   of each step that ran, its parts (n,) and the `score` (n,) it arrived at, in shortlist order
            k_reciprocal: jaccard, original   score = 1 - (1 - lambda) jaccard - lambda original
            soft_rank:    same_label (0 or 1), confidence, shift   score = score before + shift
            distractors:  clamped, penalty    score = clamped - penalty
    """

    order: npt.NDArray[np.intp]
    scores: Doubles
    terms: dict[str, Terms]


def rank(shortlist: Shortlist, steps: Sequence[Step]) -> Ranking:
    """Run the steps in their order; without any, by similarity. Equal scores keep the nearer first.

    soft_rank without confidences and distractors without negatives leave the scores as they are and have no
    terms. Raises ValueError for a step that searches again.
    """
    scores = shortlist.similarities.astype(np.float64)
    terms: dict[str, Terms] = {}
    for place, step in enumerate(steps):
        parts = _run_step(step, shortlist, scores, are_cosines=place == 0)
        if parts is not None:
            terms[str(step.policy)] = parts
            scores = parts["score"]
    return Ranking(np.lexsort((-shortlist.similarities, -scores)), scores, terms)


def _run_step(step: Step, shortlist: Shortlist, scores: Doubles, *, are_cosines: bool) -> Terms | None:
    """The terms of the step, its score among them; None where the shortlist lacks what it works on."""
    match step.policy:
        case Policy.K_RECIPROCAL:
            return _compare_neighbourhoods(step, shortlist, scores if are_cosines else None)
        case Policy.SOFT_RANK:
            return _shift(step, shortlist, scores)
        case Policy.DISTRACTORS:
            return _penalise(step, shortlist, scores)
        case _:
            raise ValueError(f"{step.policy} needs a new search; it cannot re-rank a shortlist")


def _compare_neighbourhoods(step: Step, shortlist: Shortlist, cosines: Doubles | None) -> Terms:
    found = find_distances(
        shortlist.query,
        shortlist.vectors,
        k1=step.count("k1"),
        k2=step.count("k2"),
        weight=step.params["lambda"],
        similarities=cosines,
    )
    return {"jaccard": found.jaccard, "original": found.original, "score": 1.0 - found.distances}


def _shift(step: Step, shortlist: Shortlist, scores: Doubles) -> Terms | None:
    labels, confidences = shortlist.labels, shortlist.confidences
    if confidences is None or not len(scores):
        return None
    label = predict_label(scores, labels, step.count("neighbours"))
    shifts = find_shifts(labels, confidences, label)
    return {
        "same_label": (labels == label).astype(np.float64),
        "confidence": confidences.astype(np.float64),
        "shift": shifts,
        "score": scores + shifts,
    }


def _penalise(step: Step, shortlist: Shortlist, scores: Doubles) -> Terms | None:
    if shortlist.negatives is None or not len(shortlist.negatives):
        return None
    found = penalise(scores, shortlist.vectors, shortlist.negatives, step.count("k"))
    return {"clamped": np.clip(scores, 0.0, 1.0), "penalty": found.terms, "score": found.scores}
