"""Evaluation: every way of ranking side by side, on photos whose product is known."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from retrieval.decision import Rules, decide
from retrieval.index.gallery_index import GalleryIndex
from retrieval.quality.choices import Choice
from retrieval.quality.examiner import Examiner, time_ranking
from retrieval.quality.figures import Answer, find_figures
from retrieval.quality.recommendation import recommend
from retrieval.quality.thresholding import NOTHING
from retrieval.quality.trials import (
    Trial,
    draw,
    list_distractor_trials,
    list_query_trials,
    list_reference_trials,
)
from retrieval.ranked import RankedMatch
from retrieval.ranking.policies import Step
from retrieval.settings.gallery import GallerySettings

# Enough to tell one accept in a hundred; known photos are what a larger sample is for.
MOST_STRANGERS = 1000
_CHUNK = 64
# More candidates than any photo has: all of them are looked at.
_ALL = 10_000
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Questions:
    """Trials asked for their product, and trials asked as strangers to the gallery."""

    known: tuple[Trial, ...]
    strangers: tuple[Trial, ...]


def leave_one_out(index: GalleryIndex, *, sample: int) -> Questions:
    """References, each asked for its product without its own photo, and as a stranger without its product.

    Distractors are strangers, too.
    """
    known = list_reference_trials(index, limit=sample, paired=True)
    strangers = [*known, *list_distractor_trials(index, limit=sample)]
    return Questions(tuple(known), tuple(draw(strangers, MOST_STRANGERS, seed=0)))


def ask_queries(index: GalleryIndex, *, sample: int) -> Questions:
    """Labelled queries. Where none is of an unknown product, each is a stranger when its own is left out."""
    trials = list_query_trials(index, limit=sample)
    known = tuple(trial for trial in trials if trial.product and trial.relevant)
    unknown = tuple(trial for trial in trials if trial.product is None)
    return Questions(known, tuple(draw(unknown or known, MOST_STRANGERS, seed=0)))


def evaluate(
    index: GalleryIndex,
    settings: GallerySettings,
    *,
    questions: Questions,
    choices: Sequence[Choice],
    threshold: float,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """The figures of each choice, in order, as JSON values, and the place of the recommended one.

    threshold: the one in effect, at which the figures say what is accepted. tell: called with the numbers of
    photos asked and to ask. Plain ranking must be among the choices. Raises `Unavailable`.
    """
    everything = [*questions.known, *questions.strangers]
    examiner = Examiner(index, shortlist=settings.shortlist, trials=everything)
    sheet = _AnswerSheet(choices, settings, threshold)
    for at in range(0, len(everything), _CHUNK):
        chunk = everything[at : at + _CHUNK]
        examiner.prepare(chunk)
        for place, trial in enumerate(chunk, start=at):
            sheet.ask(examiner, trial, as_stranger=place >= len(questions.known))
        tell(at + len(chunk), len(everything))
    policies = [
        {
            **choice.as_dict(),
            **find_figures(sheet.known[choice], sheet.strangers[choice]),
            "median_ms": time_ranking(
                index, choice.rerank, shortlist=settings.shortlist, trials=questions.known
            ),
        }
        for choice in choices
    ]
    return {
        "queries": len(questions.known),
        "strangers": len(questions.strangers),
        "threshold": threshold,
        "policies": policies,
        "recommended": recommend(policies),
    }


class _AnswerSheet:
    """The answers to all trials, by choice. Choices that differ in grouping only are ranked once."""

    def __init__(self, choices: Sequence[Choice], settings: GallerySettings, threshold: float) -> None:
        self.known: dict[Choice, list[Answer]] = {choice: [] for choice in choices}
        self.strangers: dict[Choice, list[Answer]] = {choice: [] for choice in choices}
        self._groups: dict[tuple[Step, ...], list[Choice]] = {}
        for choice in choices:
            self._groups.setdefault(choice.rerank, []).append(choice)
        self._settings = settings
        self._threshold = threshold
        self._numbers: dict[UUID, int] = {}

    def ask(self, examiner: Examiner, trial: Trial, *, as_stranger: bool) -> None:
        """Ask with the trial in every way, and write the answers down."""
        answers = self.strangers if as_stranger else self.known
        for steps, choices in self._groups.items():
            ranked = examiner.ask(trial, steps, as_stranger=as_stranger)
            for choice in choices:
                answers[choice].append(self._describe(ranked, trial, choice, as_stranger=as_stranger))

    def _describe(
        self, ranked: Sequence[RankedMatch], trial: Trial, choice: Choice, *, as_stranger: bool
    ) -> Answer:
        rules = Rules(
            threshold=self._threshold,
            margin=self._settings.margin,
            grouping=choice.grouping,
            vote_k=self._settings.vote_k,
            top_k=_ALL,
        )
        verdict = decide(ranked, rules)
        images = {match.match.image_id: match.match.product.id for match in ranked}
        truth = None if as_stranger or trial.product is None else self._number(trial.product)
        return Answer(
            truth=truth,
            products=self._label(candidate.product.id for candidate in verdict.candidates),
            images=self._label(images.values()),
            relevant=trial.relevant,
            score=verdict.best.score if verdict.best else NOTHING,
            named=verdict.outcome == "product",
        )

    def _label(self, products: Iterable[UUID]) -> Labels:
        return np.array([self._number(product) for product in products], np.int64)

    def _number(self, product: UUID) -> int:
        return self._numbers.setdefault(product, len(self._numbers))
