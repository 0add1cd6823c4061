"""The way of one query photo: decode, detect, embed, search, rank, decide."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

import numpy as np

from inference.analysis import AnalysisOptions, EmbeddedRegion
from retrieval.analysers import default_detector, get_analyser
from retrieval.decision import (
    RegionVerdict,
    Rules,
    Verdict,
    decide,
    reject,
    suppress_repeats,
)
from retrieval.index.gallery_index import GalleryIndex, Vectors
from retrieval.index.rows import ask_check, list_searched
from retrieval.index.store import Hit, IndexMissing
from retrieval.matches import Match, load_matches
from retrieval.pictures import decode_photo
from retrieval.ranked import RankedMatch, Ranker
from retrieval.ranking.categories import CategoryVote, vote
from retrieval.readiness import check_ready
from retrieval.settings.gallery import GallerySettings, merge_settings
from retrieval.thresholds import find_threshold
from retrieval.unknowns import tell_unknown
from tenants.models import Gallery
from tenants.queries.catalog import get_gallery

MAX_MATCHES = 1000
_OF_THE_INDEX = ("ef", "nprobe", "hamming_radius", "oversample")
_OF_THE_REQUEST = ("top_k", "explain")


@dataclass(frozen=True)
class RecognitionOptions:
    """What a request may say over its gallery's settings (retrieval.settings); None leaves them as they are.

    top_k: candidates, or matches, that are answered. explain: also the order before and after ranking.
    """

    top_k: int = 5
    explain: bool = False
    max_regions: int | None = None
    score_threshold: float | None = None
    detect: bool | None = None
    fallback: bool | None = None
    rerank: list[Any] | None = None
    grouping: str | None = None
    vote_k: int | None = None
    margin: float | None = None
    shortlist: int | None = None
    category_votes: int | None = None
    hamming_radius: int | None = None
    ef: int | None = None
    nprobe: int | None = None
    oversample: int | None = None

    def applied_to(self, said: dict[str, Any]) -> GallerySettings:
        """The settings that this request runs with. Raises `InvalidSettings`."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        change = {
            name: value for name, value in given.items() if name not in (*_OF_THE_REQUEST, *_OF_THE_INDEX)
        }
        index = {name: given[name] for name in _OF_THE_INDEX if name in given}
        return GallerySettings.parse(merge_settings(said, {**change, "index": index}))


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
    """A query photo after its regions were searched and ranked: matches[i] belong to regions[i], best first.

    found: the same before ranking, nearest first; only where the request asks for an explanation.
    beyond: whether nothing lay within the gallery's hamming radius, and the matches are what is nearest
    beyond it.
    """

    width: int
    height: int
    regions: Sequence[EmbeddedRegion]
    matches: Sequence[Sequence[RankedMatch]]
    found: Sequence[Sequence[Match]]
    beyond: Sequence[bool]
    detector: str
    embedders: Sequence[str]
    generation: int
    timings: Timings

    @property
    def together(self) -> list[RankedMatch]:
        """The matches of all regions, best first; those beyond the radius only while there are no others."""
        within = [row for row, beyond in zip(self.matches, self.beyond, strict=True) if not beyond]
        rows = within or self.matches
        return sorted((ranked for row in rows for ranked in row), key=lambda ranked: -ranked.score)


@dataclass(frozen=True)
class Recognition:
    """The answer to a query photo: a verdict on the whole, and one on each of its regions."""

    photo: QueryPhoto
    answer: Verdict
    category: CategoryVote | None
    threshold: float
    regions: Sequence[RegionVerdict]


def recognize(*, gallery_id: UUID, data: bytes, options: RecognitionOptions) -> Recognition:
    """Name the product in the photo, or say `unknown`, in the gallery of the tenant that is set.

    data: the file's bytes. Raises `NotFound`, `Conflict` (gallery not ready), `InvalidSettings`,
    `ImageRejected`, `Unavailable`.
    """
    query = _Query.open(gallery_id, options)
    photo = query.search_photo(data, limit=query.settings.shortlist, beyond=True)
    with photo.timings.measure("decide"):
        regions = [
            RegionVerdict(
                box=region.box,
                source=region.source,
                detection_score=region.score,
                verdict=query.decide(matches, beyond=beyond),
                category=query.vote(region.label, matches),
            )
            for region, matches, beyond in zip(photo.regions, photo.matches, photo.beyond, strict=True)
        ]
        together = photo.together
        answer = query.decide(together, beyond=all(photo.beyond))
        if not photo.regions:
            answer = Verdict("unknown", "no_region", ())
    if answer.outcome == "unknown":
        tell_unknown(gallery_id=gallery_id, answer=answer, threshold=query.rules.threshold)
    return Recognition(
        photo=photo,
        answer=answer,
        category=query.vote(None, together),
        threshold=query.rules.threshold,
        regions=suppress_repeats(regions),
    )


def search_similar(
    *, gallery_id: UUID, data: bytes, options: RecognitionOptions
) -> tuple[QueryPhoto, list[RankedMatch]]:
    """The reference photos nearest to any region of the query, best first, each once; no decision.

    Raises as `recognize` does.
    """
    query = _Query.open(gallery_id, options)
    # Policies change the order of a shortlist; without any it need not be longer than the answer.
    shortlist = query.settings.shortlist if query.settings.rerank else 0
    photo = query.search_photo(data, limit=max(options.top_k, shortlist), beyond=False)
    best: dict[UUID, RankedMatch] = {}
    for ranked in photo.together:
        best.setdefault(ranked.match.image_id, ranked)
    return photo, list(best.values())[: options.top_k]


@dataclass(frozen=True)
class _Query:
    """One question to one gallery's live index, with the settings it runs with."""

    gallery: Gallery
    index: GalleryIndex
    settings: GallerySettings
    rules: Rules
    options: RecognitionOptions

    @classmethod
    def open(cls, gallery_id: UUID, options: RecognitionOptions) -> "_Query":
        gallery = get_gallery(gallery_id)
        check_ready(gallery)
        settings = options.applied_to(gallery.settings)
        indexes = list_searched(gallery)
        index = GalleryIndex(gallery, indexes, settings.index)
        threshold = find_threshold(settings, indexes)
        rules = Rules(
            threshold=threshold.value,
            margin=settings.margin,
            grouping=settings.grouping,
            vote_k=settings.vote_k,
            top_k=options.top_k,
        )
        return cls(gallery, index, settings, rules, options)

    def search_photo(self, data: bytes, *, limit: int, beyond: bool) -> QueryPhoto:
        timings = Timings()
        analyser = get_analyser(self.index.embedders)
        with timings.measure("decode"):
            picture = decode_photo(data)
        asked = self.settings
        analysis = analyser.analyse(
            [picture],
            AnalysisOptions(detect=asked.detect, max_regions=asked.max_regions, fallback=asked.fallback),
        )[0]
        timings.stages["detect"] = analysis.timings.detect_ms
        timings.stages["embed"] = analysis.timings.embed_ms
        vectors = self._compare(analysis.regions)
        with timings.measure("search"):
            hits, far = self._search(vectors, limit, beyond=beyond)
        with timings.measure("rank"):
            matches = self._open_ranker(limit).rank_all(vectors, hits)
        return QueryPhoto(
            width=picture.width,
            height=picture.height,
            regions=analysis.regions,
            matches=matches,
            found=load_matches(self.gallery, hits) if self.options.explain else [[] for _ in hits],
            beyond=far,
            detector=default_detector(),
            embedders=self.index.embedders,
            generation=self.gallery.generation,
            timings=timings,
        )

    def decide(self, matches: Sequence[RankedMatch], *, beyond: bool) -> Verdict:
        verdict = decide(matches, self.rules)
        return reject(verdict, "below_threshold") if beyond and verdict.reason is None else verdict

    def vote(self, label: str | None, matches: Sequence[RankedMatch]) -> CategoryVote | None:
        if not self.settings.category_votes:
            return None
        return vote(
            [ranked.match.product.category for ranked in matches],
            np.array([ranked.match.similarity for ranked in matches]),
            detector_label=label,
            votes=self.settings.category_votes,
        )

    def _compare(self, regions: Sequence[EmbeddedRegion]) -> Vectors:
        if not regions:
            return np.zeros((0, self.index.width), np.float32)
        return self.index.compare(_stack_vectors(regions, self.index.embedders))

    def _search(self, vectors: Vectors, limit: int, *, beyond: bool) -> tuple[list[list[Hit]], list[bool]]:
        """The hits of each region, and whether they lie beyond the radius because none is within.

        beyond: look there at all.
        """
        try:
            hits = self._open_ranker(limit).search(vectors)
            far = [beyond and self.index.radius is not None and not row for row in hits]
            wider = self._open_ranker(limit, bounded=False).search(vectors[far])
        except IndexMissing:
            ask_check(self.gallery)
            raise
        nearest = iter(wider)
        return [next(nearest) if lost else row for row, lost in zip(hits, far, strict=True)], far

    def _open_ranker(self, limit: int, *, bounded: bool = True) -> Ranker:
        return Ranker(
            self.index,
            steps=self.settings.rerank,
            limit=limit,
            wanted=self.options.top_k,
            bounded=bounded,
        )


def _stack_vectors(regions: Sequence[EmbeddedRegion], embedders: Sequence[str]) -> dict[str, Vectors]:
    return {name: np.stack([region.vectors[name] for region in regions]) for name in embedders}
