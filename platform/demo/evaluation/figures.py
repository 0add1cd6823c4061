"""Figures of quality and speed from the answers to all queries."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from demo.evaluation.outcomes import CANDIDATES, Evaluation, Outcome
from demo.metrics import find_acceptance, find_mean_average_precision, find_percentile, find_recall
from vitrine.answers import Recognition, Setting

_FALSE_ACCEPTS: Final = (0.01, 0.05)


def find_figures(evaluation: Evaluation) -> dict[str, Any]:
    """All figures as JSON values: quality, counts, timings, setting. A query that failed counts as missed."""
    known = [each for each in evaluation.outcomes if evaluation.relevant.get(each.sku)]
    unknown = [each for each in evaluation.outcomes if not evaluation.relevant.get(each.sku)]
    return {
        "search": _find_search_figures(known, evaluation.relevant) | {"top_k": evaluation.top_k},
        "recognize": _find_recognise_figures(known) | {"top_k": CANDIDATES},
        "acceptance": _find_acceptances(known, unknown),
        "counts": _count_all(evaluation, len(known), len(unknown)),
        "timings": _find_timings(evaluation),
        "setting": _describe_setting(evaluation),
    }


def _find_search_figures(known: Sequence[Outcome], relevant: dict[str, int]) -> dict[str, float | None]:
    rankings = [[match.sku for _, match in each.search.matches] if each.search else [] for each in known]
    truths = [each.sku for each in known]
    return {
        "recall_at_1": find_recall(rankings, truths, 1),
        "recall_at_5": find_recall(rankings, truths, 5),
        "mean_average_precision": find_mean_average_precision(
            rankings, truths, [relevant[sku] for sku in truths]
        ),
    }


def _find_recognise_figures(known: Sequence[Outcome]) -> dict[str, float | None]:
    rankings = [[each.sku for each in one.recognition.candidates] if one.recognition else [] for one in known]
    truths = [each.sku for each in known]
    return {"recall_at_1": find_recall(rankings, truths, 1), "recall_at_5": find_recall(rankings, truths, 5)}


def _find_acceptances(known: Sequence[Outcome], unknown: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Empty where the gallery knows every query's label."""
    accepted = [_score_known(each) for each in known]
    strangers = [_find_best_score(each.recognition) for each in unknown if each.recognition]
    found = (find_acceptance(accepted, strangers, allowed) for allowed in _FALSE_ACCEPTS)
    return [asdict(each) for each in found if each is not None]


def _score_known(outcome: Outcome) -> tuple[float, bool]:
    candidates = outcome.recognition.candidates if outcome.recognition else ()
    return _find_best_score(outcome.recognition), bool(candidates) and candidates[0].sku == outcome.sku


def _find_best_score(recognition: Recognition | None) -> float:
    """The best candidate's cosine; -1, the least there is, where there is no candidate."""
    return recognition.candidates[0].score if recognition and recognition.candidates else -1.0


def _count_all(evaluation: Evaluation, known: int, unknown: int) -> dict[str, int]:
    return {
        "gallery_images": sum(evaluation.relevant.values()),
        "gallery_labels": len(evaluation.relevant),
        "queries_known": known,
        "queries_unknown": unknown,
        "queries_failed": len(evaluation.failures),
        "images_failed": len(evaluation.imported.failures),
        "files_missing": len(evaluation.dataset.missing),
    }


def _find_timings(evaluation: Evaluation) -> dict[str, float | None]:
    """Wall times a caller sees, in ms; images a second only where this run imported any."""
    recognise = [each.recognise_ms for each in evaluation.outcomes if each.recognition]
    search = [each.search_ms for each in evaluation.outcomes if each.search]
    imported = evaluation.imported
    rate = imported.photos / imported.seconds if imported.photos else None
    return {
        "recognize_p50_ms": find_percentile(recognise, 0.5),
        "recognize_p95_ms": find_percentile(recognise, 0.95),
        "search_p50_ms": find_percentile(search, 0.5),
        "search_p95_ms": find_percentile(search, 0.95),
        "import_images_per_s": rate,
    }


def _describe_setting(evaluation: Evaluation) -> dict[str, Any]:
    settings = [each.recognition.setting for each in evaluation.outcomes if each.recognition]
    first = settings[0] if settings else Setting()
    return {
        "data": str(evaluation.dataset.folder),
        "gallery": evaluation.gallery.name,
        "gallery_settings": dict(evaluation.gallery.settings),
        "models": dict(first.models),
        "index_generation": first.generation,
    }
