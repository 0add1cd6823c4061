"""Measuring retrieval quality through the real API: import a labelled gallery, ask every query, count."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from demo.datasets import Dataset, LabelledPhoto
from demo.importing import Article, Failure, Imported, import_articles
from demo.settling import Told
from demo.skus import make_sku
from vitrine.answers import GalleryRow, Recognition, Search
from vitrine.client import Said, VitrineClient
from vitrine.errors import ApiProblem
from vitrine.photos import Photo

LARGEST_TOP_K: Final = 1000  # the API's limit
CANDIDATES: Final = 5
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
class Subject:
    """What is measured: a gallery of its own, and what each query says over the gallery's settings."""

    name: str
    settings: Mapping[str, Any]
    said: Said


# The product as a shop has it that sets nothing.
SHIPPED: Final = Subject("", {}, {})
# The embedder alone: whole pictures, their raw vectors searched exactly by cosine, the nearest one wins.
BARE: Final = Subject(
    "bare",
    {"detect": False, "grouping": "max", "index": {"preset": "exact", "projection": "none"}},
    {"detect": "false", "rerank": ""},
)


@dataclass(frozen=True)
class Evaluation:
    """All that a run found; `relevant` counts the indexed images by SKU."""

    dataset: Dataset
    gallery: GalleryRow
    imported: Imported
    relevant: dict[str, int]
    outcomes: tuple[Outcome, ...]
    failures: tuple[Failure, ...]
    top_k: int


def name_gallery(dataset: Dataset, subject: Subject = SHIPPED) -> str:
    """A gallery name for exactly this list of photos, so that a second run imports nothing twice."""
    digest = hashlib.sha256()
    for photo in dataset.gallery:
        digest.update(f"{photo.path.resolve()}\0{photo.label}\n".encode("utf-8", "surrogateescape"))
    parts = ["Evaluation", dataset.folder.resolve().name[:60], subject.name, digest.hexdigest()[:8]]
    return " ".join(part for part in parts if part)


def group_articles(photos: Iterable[LabelledPhoto]) -> list[Article]:
    """One article a label, in the order in which labels first occur."""
    groups: dict[str, list[LabelledPhoto]] = {}
    for photo in photos:
        groups.setdefault(photo.label, []).append(photo)
    return [
        Article(make_sku(label), label[:300], group[0].category[:100], [photo.path for photo in group])
        for label, group in groups.items()
    ]


def evaluate_dataset(
    client: VitrineClient, dataset: Dataset, tell: Told, subject: Subject = SHIPPED
) -> Evaluation:
    """Import the gallery, wait until it is settled, ask every query. Failed photos are noted, not raised."""
    gallery = client.ensure_gallery(name_gallery(dataset, subject), settings=subject.settings).id
    imported = import_articles(client, gallery, group_articles(dataset.gallery), tell)
    relevant = _count_images(client, gallery)
    top_k = max(1, min(sum(relevant.values()), LARGEST_TOP_K))
    failures: list[Failure] = []
    outcomes = []
    for index, photo in enumerate(dataset.queries, start=1):
        tell(f"query {index} of {len(dataset.queries)}")
        outcomes.append(_ask_query(client, gallery, photo, top_k=top_k, said=subject.said, failures=failures))
    row = client.read_gallery(gallery)
    return Evaluation(dataset, row, imported, relevant, tuple(outcomes), tuple(failures), top_k)


def _count_images(client: VitrineClient, gallery: str) -> dict[str, int]:
    """Indexed images by SKU. Counted in the service, since the same picture twice is one image there."""
    skus = {product.id: product.sku for product in client.list_products(gallery)}
    images = client.list_images(gallery, state="indexed")
    return dict(Counter(skus[row.product_id] for row in images if row.product_id in skus))


def _ask_query(
    client: VitrineClient,
    gallery: str,
    photo: LabelledPhoto,
    *,
    top_k: int,
    said: Said,
    failures: list[Failure],
) -> Outcome:
    sku = make_sku(photo.label)
    try:
        upload = Photo.from_path(photo.path)
        start = time.perf_counter()
        recognition = client.recognize(gallery, upload, top_k=CANDIDATES, said=said)
        middle = time.perf_counter()
        search = client.search(gallery, upload, top_k=top_k, said=said)
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
