"""Calibration: the threshold at which a gallery names strangers no more often than its owner allows."""

from collections.abc import Callable, Sequence

from retrieval.decision import rank_products
from retrieval.index.gallery_index import GalleryIndex
from retrieval.quality.examiner import Examiner
from retrieval.quality.thresholding import NOTHING, CalibrationResult, settle_threshold
from retrieval.quality.trials import (
    Trial,
    list_distractor_trials,
    list_query_trials,
    list_reference_trials,
)
from retrieval.ranked import RankedMatch
from retrieval.settings.gallery import GallerySettings

MOST_TRIALS = 1000
_CHUNK = 64
Tell = Callable[[int, int], None]


def calibrate(
    index: GalleryIndex,
    settings: GallerySettings,
    *,
    false_accept_rate: float,
    tell: Tell = lambda _done, _total: None,
) -> CalibrationResult:
    """Find the index's threshold, as the settings rank; the index need not be the one that is searched.

    Asked are at most 1,000 references, each with its own photo left out, and at most 1,000 labelled queries
    and distractors. Genuine: the confidence of a photo's own product, where that has another photo. Impostor:
    the confidence of what is named when the photo's product is left out whole, and of what distractors and
    queries of no known product are taken for. tell: called with the numbers of photos asked and to ask.
    Raises `Unavailable`.
    """
    references = list_reference_trials(index, limit=MOST_TRIALS)
    queries = list_query_trials(index, limit=MOST_TRIALS)
    distractors = list_distractor_trials(index, limit=MOST_TRIALS)
    trials = [*references, *queries, *distractors]
    examiner = Examiner(index, shortlist=settings.shortlist, trials=trials)
    genuine: list[float] = []
    impostors: list[float] = []
    for at in range(0, len(trials), _CHUNK):
        chunk = trials[at : at + _CHUNK]
        examiner.prepare(chunk)
        for place, trial in enumerate(chunk, start=at):
            if trial.product and trial.relevant:
                genuine.append(find_genuine(examiner.ask(trial, settings.rerank), trial))
            if trial.product is None or place < len(references):
                ranked = examiner.ask(trial, settings.rerank, as_stranger=True)
                impostors.append(find_impostor(ranked, settings))
        tell(min(at + _CHUNK, len(trials)), len(trials))
    return settle_threshold(genuine, impostors, false_accept_rate=false_accept_rate)


def find_genuine(ranked: Sequence[RankedMatch], trial: Trial) -> float:
    """The confidence of the trial's own product; below all others where it was not found."""
    own = (match.confidence for match in ranked if match.match.product.id == trial.product)
    return max(own, default=NOTHING)


def find_impostor(ranked: Sequence[RankedMatch], settings: GallerySettings) -> float:
    """The confidence of whatever a stranger would be named."""
    products = rank_products(ranked, grouping=settings.grouping, vote_k=settings.vote_k)
    return products[0].score if products else NOTHING
