"""The vector store: a collection in Milvus for each gallery, model and generation, searched one at a time.

Milvus holds region ids and vectors only; what a region is, PostgreSQL knows. Only calls that Milvus 2.3
and current servers both understand are used.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from pymilvus import MilvusClient

from retrieval.index.collections import CALL_TIMEOUT_S, drop_collection, provide_collection, seal_collection
from retrieval.index.errors import IndexMissing, index_errors
from retrieval.index.parameters import (
    KEY,
    MOST_HITS,
    VECTOR,
    Vectors,
    check_vectors,
    choose_bound,
    choose_search,
    pack_vectors,
)
from retrieval.index.space import SearchParams, Space

__all__ = ["Hit", "IndexMissing", "VectorStore", "connect_store"]

_CONNECT_TIMEOUT_S = 3.0
_SEAL_TIMEOUT_S = 600.0
_MOST_DELETED = 10_000
_NAME = re.compile(r"t[0-9a-f]{32}_g[0-9a-f]{32}_\w+_v[0-9]+")
# By default the pause between attempts to connect grows to two minutes while the server is away.
_CHANNEL = {"grpc.initial_reconnect_backoff_ms": 200, "grpc.max_reconnect_backoff_ms": 1000}
_USUAL = SearchParams()


@dataclass(frozen=True)
class Hit:
    """A stored region near a query vector.

    similarity: -1 to 1, larger is nearer: the cosine (of unit vectors: also the inner product), or of codes
    1 - 2 * distance / bits, which is the cosine of the codes as vectors of +1 and -1.
    distance: differing bits, smaller is nearer; None for floats.
    """

    region_id: int
    similarity: float
    distance: int | None = None


class VectorStore:
    """Collections of one Milvus. Safe to share between threads.

    Every call raises `Unavailable` when Milvus is away, and those on rows `IndexMissing` when it has no such
    collection. `seen` is the timestamp of a write (from `upsert`; 0 for none) that a read must see; None is
    every write and deletion before the read, for some 0.3 s more.
    """

    def __init__(self, client: MilvusClient, *, prefix: str = "") -> None:
        self._client = client
        self._prefix = prefix

    def ensure_collection(self, space: Space) -> None:
        """Create, index and load the space's collection; done before, or half, is fine. Some 3 s."""
        with index_errors():
            provide_collection(self._client, self._name(space), space)

    def seal(self, space: Space, *, timeout_s: float = _SEAL_TIMEOUT_S) -> None:
        """Wait until searches use the index of all that was written so far: 12 s, minutes for a million.

        For measurements, and before a large new generation is searched: nothing is lost or hidden without.
        """
        with index_errors():
            seal_collection(self._client, self._name(space), space, timeout_s=timeout_s)

    def drop_collection(self, space: Space) -> None:
        """Drop the space's collection; gone already is fine."""
        self.drop_named(space.collection)

    def drop_named(self, name: str) -> None:
        """Drop the collection of this name, from `list_collections`; gone already is fine."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name} is no collection of Vitrine's")
        with index_errors():
            drop_collection(self._client, self._prefix + name)

    def has_collection(self, space: Space) -> bool:
        """Whether the space's collection exists."""
        with index_errors():
            return bool(self._client.has_collection(self._name(space), timeout=CALL_TIMEOUT_S))

    def list_collections(self) -> list[str]:
        """The `Space.collection` of every collection there is; none of others that use the same Milvus."""
        with index_errors():
            names: list[str] = self._client.list_collections(timeout=CALL_TIMEOUT_S)
        own = [name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix)]
        return sorted(name for name in own if _NAME.fullmatch(name))

    def upsert(self, space: Space, region_ids: Sequence[int], vectors: Vectors) -> int:
        """Write the regions' vectors over any written before; some 10,000 a call at most.

        vectors: (n, dim) float32 of unit length, or codes (n, dim / 8) uint8, most significant bit first.
        Returns the index's timestamp of the write: a read given it as `seen` sees the write.
        Raises `ValueError` for vectors of another shape or type, or not finite.
        """
        check_vectors(space, vectors, len(region_ids))
        if not len(region_ids):
            return 0
        packed = pack_vectors(space, vectors)
        rows = [{KEY: int(key), VECTOR: vector} for key, vector in zip(region_ids, packed, strict=True)]
        with index_errors():
            # The public upsert() hides the timestamp that makes reading one's own writes cheap.
            connection = self._client._get_connection()  # noqa: SLF001
            written = connection.upsert_rows(
                self._name(space),
                rows,
                timeout=CALL_TIMEOUT_S,
                context=self._client._generate_call_context(),  # noqa: SLF001
            )
        return int(written.timestamp)

    def delete(self, space: Space, region_ids: Sequence[int]) -> None:
        """Delete the regions; missing ones, and a missing collection, are fine.

        Milvus 2.3 gives a deletion no timestamp: reads see it after some 0.2 s, or with `seen` None.
        """
        keys = [int(key) for key in region_ids]
        try:
            for at in range(0, len(keys), _MOST_DELETED):
                with index_errors():
                    some = keys[at : at + _MOST_DELETED]
                    self._client.delete(self._name(space), ids=some, timeout=CALL_TIMEOUT_S)
        except IndexMissing:
            return

    def search(
        self,
        space: Space,
        vectors: Vectors,
        *,
        limit: int,
        seen: int | None,
        params: SearchParams = _USUAL,
    ) -> list[list[Hit]]:
        """The nearest regions to each query vector, shaped as in `upsert`: nearest first, of equals the lower
        id first, at most `limit` (and 16,384) each.

        One call to Milvus whatever n is. Raises `ValueError` for vectors as `upsert` does, a limit below 1,
        and a radius where nothing is measured in bits.
        """
        check_vectors(space, vectors)
        if limit < 1:
            raise ValueError(f"cannot search for {limit} regions")
        if not len(vectors):
            return []
        most, bound = min(limit, MOST_HITS), choose_bound(space, params)
        with index_errors():
            found = self._client.search(
                self._name(space),
                data=pack_vectors(space, vectors),
                anns_field=VECTOR,
                limit=most,
                search_params=choose_search(space, params, most),
                timeout=CALL_TIMEOUT_S,
                **_consistency(seen),
            )
        if space.metric == "HAMMING":
            return [_read_distances(space, row.ids, row.distances, bound) for row in found]
        return [_read_similarities(row.ids, row.distances) for row in found]

    def count(self, space: Space, *, seen: int | None) -> int:
        """How many regions the collection holds."""
        return int(self._query(space, "", ["count(*)"], seen)[0]["count(*)"])

    def list_ids(self, space: Space, *, low: int, high: int, seen: int | None) -> npt.NDArray[np.int64]:
        """The keys of the collection with low <= key < high, ascending."""
        rows = self._query(space, f"{KEY} >= {low} && {KEY} < {high}", [KEY], seen)
        return np.sort(np.fromiter((row[KEY] for row in rows), np.int64, len(rows)))

    def check(self) -> None:
        """Raise `Unavailable` when Milvus does not answer."""
        with index_errors():
            self._client.get_server_version(timeout=2.0)

    def _name(self, space: Space) -> str:
        return self._prefix + space.collection

    def _query(
        self, space: Space, expression: str, fields: list[str], seen: int | None
    ) -> Sequence[dict[str, Any]]:
        with index_errors():
            rows: Sequence[dict[str, Any]] = self._client.query(
                self._name(space),
                filter=expression,
                output_fields=fields,
                timeout=CALL_TIMEOUT_S,
                **_consistency(seen),
            )
        return rows


@cache
def connect_store() -> VectorStore:
    """The process's store, connected on first use. Raises `Unavailable` (and tries again next time)."""
    with index_errors():
        client = MilvusClient(
            uri=settings.MILVUS_URI,
            token=settings.MILVUS_TOKEN,
            timeout=_CONNECT_TIMEOUT_S,
            grpc_options=_CHANNEL,
        )
    return VectorStore(client, prefix=settings.MILVUS_PREFIX)


def _consistency(seen: int | None) -> dict[str, Any]:
    if seen is None:
        return {"consistency_level": "Strong"}
    return {"consistency_level": "Customized", "guarantee_timestamp": max(seen, 1)}


def _read_distances(space: Space, ids: Sequence[int], distances: Sequence[float], bound: float) -> list[Hit]:
    nearest = sorted((round(distance), key) for key, distance in zip(ids, distances, strict=True))
    return [
        Hit(key, 1 - 2 * distance / space.dim, distance) for distance, key in nearest if distance <= bound
    ]


def _read_similarities(ids: Sequence[int], similarities: Sequence[float]) -> list[Hit]:
    """Milvus calls these distances too; larger is nearer."""
    hits = [Hit(key, float(similarity)) for key, similarity in zip(ids, similarities, strict=True)]
    return sorted(hits, key=lambda hit: (-hit.similarity, hit.region_id))
