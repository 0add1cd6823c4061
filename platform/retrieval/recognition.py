"""The way of one query photo: decode, detect, embed, search, decide."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

import numpy as np

from inference.analysis import AnalysisOptions, EmbeddedRegion
from inference.images import decode_picture
from retrieval.analysers import default_detector, get_analyser
from retrieval.decision import RegionVerdict, Verdict, decide, suppress_repeats
from retrieval.matches import Match, load_matches
from retrieval.space import space_of
from retrieval.store import connect_store
from tenants.domain.gallery_settings import GallerySettings
from tenants.errors import Conflict
from tenants.models import Gallery
from tenants.queries.catalog import get_gallery

SHORTLIST = 100
MAX_MATCHES = 1000


@dataclass(frozen=True)
class RecognitionOptions:
    """What a request may say over its gallery's settings; None leaves the setting as it is."""

    top_k: int = 5
    max_regions: int | None = None
    score_threshold: float | None = None
    detect: bool | None = None

    def applied_to(self, settings: GallerySettings) -> GallerySettings:
        """The settings that this request runs with."""
        said = {name: value for name, value in asdict(self).items() if value is not None and name != "top_k"}
        return GallerySettings.parse({**settings.as_dict(), **said})


@dataclass
class Timings:
    """Milliseconds of each stage, in order."""

    stages: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Time the block as a stage."""
        started = time.perf_counter()
        yield
        self.stages[stage] = (time.perf_counter() - started) * 1000


@dataclass(frozen=True)
class QueryPhoto:
    """A query photo after its regions were searched: matches[i] belong to regions[i], nearest first."""

    width: int
    height: int
    regions: Sequence[EmbeddedRegion]
    matches: Sequence[Sequence[Match]]
    model: dict[str, str]
    generation: int
    timings: Timings


@dataclass(frozen=True)
class Recognition:
    """The answer to a query photo: a verdict on the whole, and one on each of its regions."""

    photo: QueryPhoto
    answer: Verdict
    regions: Sequence[RegionVerdict]


def recognize(*, gallery_id: UUID, data: bytes, options: RecognitionOptions) -> Recognition:
    """Name the product in the photo, or say `unknown`, in the gallery of the tenant that is set.

    data: the file's bytes. Raises `NotFound`, `Conflict` (gallery not ready), `ImageRejected`, `Unavailable`.
    """
    gallery = _get_ready_gallery(gallery_id)
    settings = options.applied_to(GallerySettings.parse(gallery.settings))
    photo = _search_photo(gallery, data, settings, limit=SHORTLIST)
    with photo.timings.measure("decide"):
        regions = [
            RegionVerdict(
                box=region.box,
                source=region.source,
                detection_score=region.score,
                verdict=decide(matches, threshold=settings.score_threshold, top_k=options.top_k),
            )
            for region, matches in zip(photo.regions, photo.matches, strict=True)
        ]
        together = [match for matches in photo.matches for match in matches]
        answer = decide(together, threshold=settings.score_threshold, top_k=options.top_k)
        kept = suppress_repeats(regions)
    return Recognition(photo=photo, answer=answer, regions=kept)


def search_similar(
    *, gallery_id: UUID, data: bytes, options: RecognitionOptions
) -> tuple[QueryPhoto, list[Match]]:
    """The reference photos nearest to any region of the query, nearest first, each once; no decision.

    Raises as `recognize` does.
    """
    gallery = _get_ready_gallery(gallery_id)
    settings = options.applied_to(GallerySettings.parse(gallery.settings))
    photo = _search_photo(gallery, data, settings, limit=options.top_k)
    nearest: dict[Any, Match] = {}
    for match in sorted((m for row in photo.matches for m in row), key=lambda m: -m.similarity):
        nearest.setdefault(match.image_id, match)
    return photo, list(nearest.values())[: options.top_k]


def _get_ready_gallery(gallery_id: UUID) -> Gallery:
    gallery = get_gallery(gallery_id)
    if gallery.state != Gallery.State.READY:
        raise Conflict(
            f"The gallery is {gallery.state}, not ready. See its job, and try again.",
            code="gallery_not_ready",
        )
    return gallery


def _search_photo(gallery: Gallery, data: bytes, settings: GallerySettings, *, limit: int) -> QueryPhoto:
    timings = Timings()
    analyser = get_analyser(gallery.embedder)
    with timings.measure("decode"):
        picture = decode_picture(data)
    options = AnalysisOptions(detect=settings.detect, max_regions=settings.max_regions)
    analysis = analyser.analyse([picture], options)[0]
    timings.stages["detect"] = analysis.timings.detect_ms
    timings.stages["embed"] = analysis.timings.embed_ms
    vectors = np.stack([region.vector for region in analysis.regions])
    with timings.measure("search"):
        space = space_of(gallery, dim=vectors.shape[1])
        hits = connect_store().search(space, vectors, limit=limit, seen=gallery.index_timestamp)
    with timings.measure("load"):
        matches = load_matches(gallery, hits)
    return QueryPhoto(
        width=picture.width,
        height=picture.height,
        regions=analysis.regions,
        matches=matches,
        model={"detector": default_detector(), "embedder": gallery.embedder},
        generation=gallery.generation,
        timings=timings,
    )
