"""Asking a gallery with trials, the way `recognize` does, in everything but the models."""

import time
from collections.abc import Iterable, Sequence
from statistics import median
from uuid import UUID

import numpy as np
import numpy.typing as npt

from retrieval.index.gallery_index import GalleryIndex
from retrieval.index.store import Hit
from retrieval.matches import Match
from retrieval.quality.trial_index import Memory, TrialIndex
from retrieval.quality.trials import Trial
from retrieval.quality.vectors import load_exemplar_vectors
from retrieval.ranked import RankedMatch, Ranker
from retrieval.ranking.policies import Step
from tenants.models import Exemplar

Vectors = npt.NDArray[np.float32]

# What `recognize` shows where a request does not say.
_WANTED = 5
# A product with more photos than this, hidden from its own, leaves a shortlist that is shorter by the rest.
_MOST_ROOM = 200
_TIMED = 20


class Examiner:
    """Asks one index with trials. shortlist: references a region that are ranked.

    What a policy asks of the index for one trial is remembered for the next policy.
    """

    def __init__(self, index: GalleryIndex, *, shortlist: int, trials: Iterable[Trial]) -> None:
        room = max((len(trial.own | trial.siblings) for trial in trials), default=0)
        self._index = TrialIndex(index, room=min(room, _MOST_ROOM), memory=Memory())
        self._shortlist = shortlist
        self._negatives = load_exemplar_vectors(index, _list_distractors())

    def prepare(self, trials: Sequence[Trial]) -> None:
        """Search for all these at once; forget older ones once they are many."""
        self._index.forget()
        vectors = [trial.vectors for trial in trials if len(trial.vectors)]
        if vectors:
            self._index.search(np.concatenate(vectors), limit=self._shortlist, wanted=_WANTED)

    def ask(self, trial: Trial, steps: Sequence[Step], *, as_stranger: bool = False) -> list[RankedMatch]:
        """The ranked matches of all regions of the trial, best first.

        Its own photo is not found; nor, as a stranger, is any photo of its product.
        """
        if not len(trial.vectors):
            return []
        hidden = trial.own | trial.siblings if as_stranger else trial.own
        ranker = _TrialRanker(
            self._index.hide(hidden),
            steps=steps,
            shortlist=self._shortlist,
            negatives=self._stack_negatives(trial.exemplar),
        )
        rows = ranker.rank_all(trial.vectors, ranker.search(trial.vectors))
        return sorted((ranked for row in rows for ranked in row), key=lambda ranked: -ranked.score)

    def _stack_negatives(self, besides: UUID | None) -> Vectors:
        kept = [vectors for exemplar, vectors in self._negatives.items() if exemplar != besides]
        return np.concatenate(kept) if kept else np.zeros((0, self._index.width), np.float32)


def time_ranking(
    index: GalleryIndex, steps: Sequence[Step], *, shortlist: int, trials: Sequence[Trial]
) -> float | None:
    """Median milliseconds of searching and ranking for one photo, nothing remembered; None without trials."""
    ranker = Ranker(index, steps=steps, limit=shortlist, wanted=_WANTED)
    asked = [trial.vectors for trial in trials if len(trial.vectors)][:_TIMED]
    spent = []
    for vectors in [*asked[:1], *asked]:
        began = time.perf_counter()
        ranker.rank_all(vectors, ranker.search(vectors))
        spent.append(1000 * (time.perf_counter() - began))
    # The first one warmed caches.
    return round(median(spent[1:]), 3) if asked else None


class _TrialRanker(Ranker):
    """The gallery's own ranking, with a trial's index, and the distractors that may count against it."""

    def __init__(
        self, index: TrialIndex, *, steps: Sequence[Step], shortlist: int, negatives: Vectors
    ) -> None:
        super().__init__(index, steps=steps, limit=shortlist, wanted=_WANTED)
        self._trial_index = index
        self._negatives = negatives

    def _load(self, found: Sequence[Sequence[Hit]]) -> list[list[Match]]:
        return self._trial_index.load_matches(found)

    def _load_negatives(self) -> Vectors:
        return self._negatives


def _list_distractors() -> list[UUID]:
    rows = Exemplar.objects.filter(role=Exemplar.Role.DISTRACTOR, state=Exemplar.State.INDEXED)
    return list(rows.order_by("pk").values_list("pk", flat=True))
