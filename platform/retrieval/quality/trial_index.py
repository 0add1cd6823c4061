"""A gallery's index as trials ask it: a part of it hidden, and nothing searched or loaded twice.

Leaving a photo out must leave it out everywhere: of the shortlist, of what expands a query, and of the
neighbours that a candidate is judged by. So it is the index that hides it, and what ranks is what answers
shops.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from retrieval.index.gallery_index import GalleryIndex
from retrieval.index.store import Hit
from retrieval.matches import Match, load_matches

Vectors = npt.NDArray[np.float32]
Keys = npt.NDArray[np.int64]

_MOST_BYTES = 128 * 2**20


@dataclass
class Memory:
    """What the index said: hits by what was asked, vectors and matches by the region's key."""

    hits: dict[tuple[int, bool, bytes], list[Hit]] = field(default_factory=dict)
    vectors: dict[int, Vectors] = field(default_factory=dict)
    matches: dict[int, Match | None] = field(default_factory=dict)


class TrialIndex(GalleryIndex):
    """The same index with a memory; `hidden` regions are as if they were not in it.

    room: how many regions any trial hides, so that the shortlists of all are as long as a shop's.
    """

    def __init__(
        self, index: GalleryIndex, *, room: int, memory: Memory, hidden: frozenset[int] = frozenset()
    ) -> None:
        # Whatever the index is made of: it is opened once and shared.
        vars(self).update(vars(index))
        self._whole = index
        self._room = room
        self._memory = memory
        self._hidden = hidden

    def hide(self, keys: frozenset[int]) -> "TrialIndex":
        """The same index, with these regions hidden."""
        return TrialIndex(self._whole, room=self._room, memory=self._memory, hidden=keys)

    def search(self, vectors: Vectors, *, limit: int, wanted: int, bounded: bool = True) -> list[list[Hit]]:
        """As `GalleryIndex.search`, without what is hidden; asks the store what was not asked before."""
        asked = [(limit, bounded, vector.tobytes()) for vector in vectors]
        fresh = {key: place for place, key in enumerate(asked) if key not in self._memory.hits}
        if fresh:
            found = self._whole.search(
                vectors[list(fresh.values())], limit=limit + self._room, wanted=wanted, bounded=bounded
            )
            self._memory.hits.update(zip(fresh, found, strict=True))
        return [
            [hit for hit in self._memory.hits[key] if hit.region_id not in self._hidden][:limit]
            for key in asked
        ]

    def load(self, region_ids: Iterable[int]) -> tuple[Keys, Vectors]:
        """As `GalleryIndex.load`, from memory where it was loaded before."""
        wanted = set(region_ids)
        if fresh := wanted - self._memory.vectors.keys():
            keys, loaded = self._whole.load(fresh)
            self._memory.vectors.update(zip(keys.tolist(), loaded, strict=True))
        ids = sorted(wanted & self._memory.vectors.keys())
        rows = [self._memory.vectors[key] for key in ids]
        return np.array(ids, np.int64), np.stack(rows) if rows else np.zeros((0, self.width), np.float32)

    def load_matches(self, found: Sequence[Sequence[Hit]]) -> list[list[Match]]:
        """As `retrieval.matches.load_matches`, from memory where they were loaded before."""
        known = self._memory.matches
        if fresh := {hit.region_id: hit for row in found for hit in row if hit.region_id not in known}:
            (loaded,) = load_matches(self.gallery, [list(fresh.values())])
            known.update(dict.fromkeys(fresh))
            known.update({match.region_key: match for match in loaded})
        return [
            [
                replace(match, similarity=hit.similarity, distance=hit.distance)
                for hit in row
                if (match := known[hit.region_id])
            ]
            for row in found
        ]

    def forget(self) -> None:
        """Let go of what is remembered once it is much."""
        if len(self._memory.vectors) * self.width * 4 > _MOST_BYTES:
            self._memory.hits.clear()
            self._memory.vectors.clear()
            self._memory.matches.clear()
