"""One gallery's live index as ranking sees it: whatever it is made of, vectors in and nearest regions out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from retrieval.index.forms import Form, form_of
from retrieval.index.raw_vectors import Keys, load_raw
from retrieval.index.rows import list_embedders, list_searched, space_of
from retrieval.index.space import SearchParams, Space
from retrieval.index.store import Hit, connect_store
from retrieval.ranking.ensembles import DEPTH, fuse_late
from retrieval.settings.index import IndexSettings
from tenants.models import Gallery, VectorIndex

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Member:
    """One collection of the index, and its share of the compared vectors: columns first to last - 1."""

    space: Space
    form: Form
    first: int
    last: int


class GalleryIndex:
    """Vectors that `compare` gives are unit vectors (n, d); their cosines are what every ranking works on.

    A late fusion has a member a model: a compared vector is then theirs side by side, so that its cosine is
    the mean of theirs.
    """

    def __init__(self, gallery: Gallery, indexes: Sequence[VectorIndex], settings: IndexSettings) -> None:
        self.gallery = gallery
        self.settings = settings
        self.embedders = list_embedders(indexes)
        self.generation = indexes[0].generation
        self._hybrid = indexes[0].spec["representation"] == "hybrid"
        self._binary = indexes[0].stored == VectorIndex.Stored.BINARY
        self._members = _line_up(indexes)

    def compare(self, raw: Mapping[str, Vectors]) -> Vectors:
        """The vectors (n, d) float32 that ranking compares, of raw ones (n, D) by embedder."""
        parts = [member.form.compare(raw) for member in self._members]
        return np.concatenate(parts, axis=1) / np.float32(np.sqrt(len(parts)))

    def load(self, region_ids: Iterable[int]) -> tuple[Keys, Vectors]:
        """(ids (m,) ascending, vectors (m, d)) of the stored regions among those asked for."""
        ids, raw = load_raw(region_ids, self.embedders)
        return ids, self.compare(raw) if len(ids) else np.zeros((0, self.width), np.float32)

    @property
    def width(self) -> int:
        """Length of a compared vector."""
        return self._members[-1].last

    @property
    def radius(self) -> int | None:
        """The hamming radius of a bounded search; None without one, and of an index of floats.

        Settings are ahead of the index they describe until that is built.
        """
        return self.settings.hamming_radius if self._binary else None

    def search(self, vectors: Vectors, *, limit: int, wanted: int, bounded: bool = True) -> list[list[Hit]]:
        """At most `limit` nearest regions of each compared vector (n, d), nearest first.

        wanted: matches that the caller will show; a hybrid search rescores `oversample` times as many.
        bounded: keep to the gallery's hamming radius. Raises `Unavailable`.
        """
        if not len(vectors):
            return []
        depth = max(limit, self.settings.oversample * wanted) if self._hybrid else limit
        if len(self._members) > 1:
            depth = max(depth, DEPTH)
        found = [self._search_member(member, vectors, depth, bounded=bounded) for member in self._members]
        if self._hybrid:
            return self._rescore(vectors, found, limit)
        if len(found) == 1:
            return found[0]
        return [_fuse(rows, limit) for rows in zip(*found, strict=True)]

    def _search_member(
        self, member: Member, vectors: Vectors, depth: int, *, bounded: bool
    ) -> list[list[Hit]]:
        part = vectors[:, member.first : member.last]
        lengths = np.linalg.norm(part, axis=1, keepdims=True)
        stored = member.form.store(np.asarray(part / np.maximum(lengths, 1e-12), np.float32))
        found = connect_store().search(
            member.space,
            stored,
            limit=depth,
            seen=self.gallery.index_timestamp,
            params=SearchParams(**self.settings.search, radius=self.radius if bounded else None),
        )
        if member.space.dim == member.form.width:
            return found
        return [[_leave_out_filling(hit, member.form.width) for hit in row] for row in found]

    def _rescore(self, vectors: Vectors, found: list[list[list[Hit]]], limit: int) -> list[list[Hit]]:
        """The exact cosines of every hit, from PostgreSQL; a distance that was found is kept for show."""
        rows = [{hit.region_id: hit for part in parts for hit in part} for parts in zip(*found, strict=True)]
        ids, loaded = self.load({key for row in rows for key in row})
        places = {int(key): place for place, key in enumerate(ids)}
        return [
            _rescore_one(query, row, places, loaded)[:limit] for query, row in zip(vectors, rows, strict=True)
        ]


def open_index(gallery: Gallery, settings: IndexSettings) -> GalleryIndex | None:
    """The gallery's live index; None when it has none yet."""
    indexes = list_searched(gallery)
    return GalleryIndex(gallery, indexes, settings) if indexes else None


def _line_up(indexes: Sequence[VectorIndex]) -> list[Member]:
    members, first = [], 0
    for index in indexes:
        form = form_of(index)
        last = first + index.width
        members.append(Member(space_of(index), form, first, last))
        first = last
    return members


def _leave_out_filling(hit: Hit, bits: int) -> Hit:
    """The similarity by the bits that mean something; zeros fill a code up to whole bytes."""
    return replace(hit, similarity=1 - 2 * (hit.distance or 0) / bits)


def _fuse(rows: Sequence[Sequence[Hit]], limit: int) -> list[Hit]:
    """Late fusion; the sum is divided by the number of models, so that it stays a cosine's size."""
    lists = [
        (
            np.array([hit.region_id for hit in row], np.int64),
            np.array([hit.similarity for hit in row], np.float32),
        )
        for row in rows
    ]
    ids, scores = fuse_late(lists, keep=limit)
    return [Hit(int(key), float(score) / len(rows), None) for key, score in zip(ids, scores, strict=True)]


def _rescore_one(query: Vectors, row: dict[int, Hit], places: dict[int, int], loaded: Vectors) -> list[Hit]:
    hits = [hit for key, hit in row.items() if key in places]
    cosines = loaded[[places[hit.region_id] for hit in hits]] @ query
    scored = [replace(hit, similarity=float(cosine)) for hit, cosine in zip(hits, cosines, strict=True)]
    return sorted(scored, key=lambda hit: (-hit.similarity, hit.region_id))
