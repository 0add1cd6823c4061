from pathlib import Path

import pytest

from demo.datasets import Dataset, LabelledPhoto
from demo.evaluation.figures import find_figures
from demo.evaluation.outcomes import Evaluation, Outcome
from demo.importing import Failure, Imported
from vitrine.answers import Candidate, GalleryRow, Recognition, Search, Setting

SETTING = Setting({"detector": "d", "embedders": ["e"]}, 3)


def _ask(label: str, ranking: str, score: float) -> Outcome:
    """A query whose nearest images are of the labels in `ranking`, in this order."""
    candidates = tuple(Candidate(each, each, score) for each in dict.fromkeys(ranking))
    matches = tuple((str(place), Candidate(each, each, score)) for place, each in enumerate(ranking))
    named = candidates[0] if candidates else None
    return Outcome(
        LabelledPhoto(Path(f"{label}.jpg"), label, ""),
        label,
        Search(matches, {}, SETTING),
        Recognition(named, candidates, score, {}, SETTING),
        search_ms=10.0,
        recognise_ms=20.0,
    )


def _evaluate(
    *outcomes: Outcome, failures: tuple[Failure, ...] = (), photos: int = 4, seconds: float = 2
) -> Evaluation:
    data = Dataset(Path("data"), (LabelledPhoto(Path("a.jpg"), "a", ""),), (), ())
    imported = Imported(2, photos, 0, (), seconds)
    gallery = GalleryRow("g", "Evaluation data", "ready", {"detect": True})
    return Evaluation(data, gallery, imported, {"a": 2, "b": 2}, outcomes, failures, 4)


def test_figures_equal_a_hand_computed_case() -> None:
    figures = find_figures(_evaluate(_ask("a", "aabb", 0.9), _ask("b", "abab", 0.8), _ask("x", "ba", 0.5)))
    assert figures["search"] == {
        "recall_at_1": 0.5,
        "recall_at_5": 1.0,
        "mean_average_precision": pytest.approx((1 + (1 / 2 + 2 / 4) / 2) / 2),
        "top_k": 4,
    }
    assert figures["recognize"]["recall_at_1"] == 0.5
    # One unknown at 0.5: both known ones pass any bound, the second with the wrong product.
    assert [each["true_accepts"] for each in figures["acceptance"]] == [0.5, 0.5]
    assert figures["acceptance"][0]["threshold"] == 0.8
    assert (figures["counts"]["queries_known"], figures["counts"]["queries_unknown"]) == (2, 1)
    assert figures["timings"]["recognize_p95_ms"] == 20.0
    assert figures["timings"]["import_images_per_s"] == 2.0
    assert figures["setting"]["models"] == {"detector": "d", "embedders": ["e"]}
    assert figures["setting"]["index_generation"] == 3
    assert figures["setting"]["gallery"] == "Evaluation data"
    assert figures["setting"]["gallery_settings"] == {"detect": True}


def test_query_that_failed_counts_as_missed() -> None:
    failed = Outcome(LabelledPhoto(Path("a.jpg"), "a", ""), "a", None, None)
    failure = Failure("a.jpg", "image_unreadable", "The photo is damaged.")
    figures = find_figures(_evaluate(_ask("a", "aabb", 0.9), failed, failures=(failure,)))
    assert figures["search"]["recall_at_1"] == 0.5
    assert figures["search"]["mean_average_precision"] == 0.5
    assert figures["counts"]["queries_failed"] == 1


def test_figures_without_unknown_queries_have_no_acceptance() -> None:
    assert find_figures(_evaluate(_ask("a", "a", 0.9)))["acceptance"] == []


def test_second_run_that_imports_nothing_claims_no_speed() -> None:
    figures = find_figures(_evaluate(_ask("a", "a", 0.9), photos=0, seconds=0.1))
    assert figures["timings"]["import_images_per_s"] is None
