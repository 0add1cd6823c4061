"""Measuring retrieval quality through the real API: import a labelled gallery, ask every query, count."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from demo.answers import Recognition, Search, Setting
from demo.client import Upload, VitrineClient
from demo.datasets import Dataset, LabelledPhoto
from demo.errors import ApiProblem
from demo.importing import Article, Failure, Imported, Told, import_articles
from demo.metrics import (
    find_acceptance,
    find_mean_average_precision,
    find_percentile,
    find_recall,
)
from demo.skus import make_sku

LARGEST_TOP_K: Final = 1000  # the API's limit
CANDIDATES: Final = 5
_FALSE_ACCEPTS: Final = (0.01, 0.05)
_OURS: Final = 500


@dataclass(frozen=True)
class Outcome:
    """One query: its label's SKU and both answers with their wall times, or why there are none."""

    photo: LabelledPhoto
    sku: str
    search: Search | None
    recognition: Recognition | None
    search_ms: float = 0.0
    recognise_ms: float = 0.0


@dataclass(frozen=True)
class Evaluation:
    """All that a run found; `relevant` counts the indexed images by SKU."""

    dataset: Dataset
    imported: Imported
    relevant: dict[str, int]
    outcomes: tuple[Outcome, ...]
    failures: tuple[Failure, ...]
    top_k: int
    gallery_settings: Mapping[str, Any]


def name_gallery(dataset: Dataset) -> str:
    """A gallery name for exactly this list of photos, so that a second run imports nothing twice."""
    digest = hashlib.sha256()
    for photo in dataset.gallery:
        digest.update(f"{photo.path.resolve()}\0{photo.label}\n".encode("utf-8", "surrogateescape"))
    return f"Evaluation {dataset.folder.resolve().name[:60]} {digest.hexdigest()[:8]}"


def group_articles(photos: Iterable[LabelledPhoto]) -> list[Article]:
    """One article a label, in the order in which labels first occur."""
    groups: dict[str, list[LabelledPhoto]] = {}
    for photo in photos:
        groups.setdefault(photo.label, []).append(photo)
    return [
        Article(make_sku(label), label[:300], group[0].category[:100], [photo.path for photo in group])
        for label, group in groups.items()
    ]


def evaluate_dataset(client: VitrineClient, dataset: Dataset, tell: Told) -> Evaluation:
    """Import the gallery, wait until it is indexed, ask every query. Failed photos are noted, not raised."""
    row = client.ensure_gallery(name_gallery(dataset))
    gallery = row.id
    imported = import_articles(client, gallery, group_articles(dataset.gallery), tell)
    relevant = _count_images(client, gallery)
    top_k = max(1, min(sum(relevant.values()), LARGEST_TOP_K))
    failures: list[Failure] = []
    outcomes = []
    for index, photo in enumerate(dataset.queries, start=1):
        tell(f"query {index} of {len(dataset.queries)}")
        outcomes.append(_ask_query(client, gallery, photo, top_k, failures))
    return Evaluation(dataset, imported, relevant, tuple(outcomes), tuple(failures), top_k, row.settings)


def _count_images(client: VitrineClient, gallery: str) -> dict[str, int]:
    """Indexed images by SKU. Counted in the service, since the same picture twice is one image there."""
    skus = {product.id: product.sku for product in client.list_products(gallery)}
    images = client.list_images(gallery, state="indexed")
    return dict(Counter(skus[row.product_id] for row in images if row.product_id in skus))


def _ask_query(
    client: VitrineClient, gallery: str, photo: LabelledPhoto, top_k: int, failures: list[Failure]
) -> Outcome:
    sku = make_sku(photo.label)
    try:
        upload = Upload.from_path(photo.path)
        start = time.perf_counter()
        recognition = client.recognize(gallery, upload, top_k=CANDIDATES)
        middle = time.perf_counter()
        search = client.search(gallery, upload, top_k=top_k)
        end = time.perf_counter()
    except OSError as error:
        failures.append(
            Failure(str(photo.path), "file_unreadable", f"The file cannot be read: {error.strerror}.")
        )
    except ApiProblem as problem:
        if problem.status >= _OURS or not problem.code.startswith("image_"):
            raise
        failures.append(Failure(str(photo.path), problem.code, problem.message))
    else:
        return Outcome(photo, sku, search, recognition, 1000 * (end - middle), 1000 * (middle - start))
    return Outcome(photo, sku, None, None)


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
        "gallery": name_gallery(evaluation.dataset),
        "gallery_settings": dict(evaluation.gallery_settings),
        "models": dict(first.models),
        "index_generation": first.generation,
    }
