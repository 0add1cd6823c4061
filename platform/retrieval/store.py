"""The vector store: one collection a gallery and model in Milvus, never a search across galleries.

Milvus holds region ids and vectors only; what a region is, PostgreSQL knows. Only calls that Milvus 2.3
and current servers both understand are used.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import grpc
import numpy as np
import numpy.typing as npt
from django.conf import settings
from pymilvus import DataType, MilvusClient, MilvusException

from jobs.errors import Unavailable
from retrieval.space import Space

VECTOR = "vector"
KEY = "id"
METRIC = "COSINE"
INDEX = {"M": 16, "efConstruction": 200}
_MIN_EF = 128
_CONNECT_TIMEOUT_S = 3.0
# Well within the time that a caller of `recognize` waits, so that it hears which part is away.
_TIMEOUT_S = 5.0
_PROVISION_TIMEOUT_S = 60.0
# By default the pause between attempts to connect grows to two minutes while the server is away.
_CHANNEL = {"grpc.initial_reconnect_backoff_ms": 200, "grpc.max_reconnect_backoff_ms": 1000}
_log = logging.getLogger(__name__)
# Importing pymilvus gives its logger a handler and a level of its own: pages of traceback a failed call.
# What failed is told by `_index_errors`, in one line.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Hit:
    """A stored region near a query vector; similarity is the cosine, -1 to 1, larger is nearer."""

    region_id: int
    similarity: float


class VectorStore:
    """Collections of one Milvus. Safe to share between threads."""

    def __init__(self, client: MilvusClient, *, prefix: str = "") -> None:
        self._client = client
        self._prefix = prefix

    def ensure_collection(self, space: Space) -> None:
        """Create, index and load the space's collection and point its alias to it; done before is fine."""
        name = self._prefix + space.collection
        with _index_errors():
            if not self._client.has_collection(name, timeout=_TIMEOUT_S):
                self._create_collection(name, space.dim)
            self._client.load_collection(name, timeout=_PROVISION_TIMEOUT_S)
            self._point_alias(name, self._prefix + space.alias)

    def drop_collection(self, space: Space) -> None:
        """Drop the alias and the collection; gone already is fine."""
        name = self._prefix + space.collection
        with _index_errors():
            if self._client.has_collection(name, timeout=_TIMEOUT_S):
                for alias in self._client.list_aliases(name, timeout=_TIMEOUT_S)["aliases"]:
                    self._client.drop_alias(alias, timeout=_TIMEOUT_S)
                self._client.drop_collection(name, timeout=_PROVISION_TIMEOUT_S)

    def has_collection(self, space: Space) -> bool:
        """Whether the space's collection exists."""
        with _index_errors():
            return bool(self._client.has_collection(self._prefix + space.collection, timeout=_TIMEOUT_S))

    def upsert(self, space: Space, region_ids: Sequence[int], vectors: npt.NDArray[np.float32]) -> int:
        """Write the regions' unit vectors, shape (n, dim) float32, over any written before.

        Returns the index's timestamp of the write: a search given it as `seen` sees the write.
        Raises `ValueError` for vectors that are not finite or of another shape, `Unavailable`.
        """
        if vectors.shape != (len(region_ids), space.dim) or not np.isfinite(vectors).all():
            raise ValueError(f"expected {len(region_ids)} finite vectors of {space.dim}, got {vectors.shape}")
        rows = [{KEY: key, VECTOR: vector} for key, vector in zip(region_ids, vectors, strict=True)]
        with _index_errors():
            # The public upsert() hides the timestamp that makes reading one's own writes cheap.
            connection = self._client._get_connection()  # noqa: SLF001
            written = connection.upsert_rows(
                self._prefix + space.collection,
                rows,
                timeout=_TIMEOUT_S,
                context=self._client._generate_call_context(),  # noqa: SLF001
            )
        return int(written.timestamp)

    def delete(self, space: Space, region_ids: Sequence[int]) -> None:
        """Delete the regions; missing ones, and a missing collection, are fine."""
        if not region_ids or not self.has_collection(space):
            return
        with _index_errors():
            self._client.delete(self._prefix + space.collection, ids=list(region_ids), timeout=_TIMEOUT_S)

    def search(
        self, space: Space, vectors: npt.NDArray[np.float32], *, limit: int, seen: int
    ) -> list[list[Hit]]:
        """The nearest regions to each query vector, (n, dim) float32, nearest first, at most `limit` each.

        seen: timestamp of a write that the search must see (from `upsert`; 0 for none). One call to Milvus
        whatever n is. Raises `Unavailable`.
        """
        with _index_errors():
            found = self._client.search(
                self._prefix + space.alias,
                data=list(vectors),
                anns_field=VECTOR,
                limit=limit,
                search_params={"metric_type": METRIC, "params": {"ef": max(_MIN_EF, limit)}},
                consistency_level="Customized",
                guarantee_timestamp=max(seen, 1),
                timeout=_TIMEOUT_S,
            )
        return [[Hit(int(row[KEY]), float(row["distance"])) for row in rows] for rows in found]

    def count(self, space: Space) -> int:
        """How many regions the collection holds right now (waits for every write to be seen)."""
        with _index_errors():
            rows = self._client.query(
                self._prefix + space.collection,
                filter="",
                output_fields=["count(*)"],
                consistency_level="Strong",
                timeout=_TIMEOUT_S,
            )
        return int(rows[0]["count(*)"])

    def check(self) -> None:
        """Raise `Unavailable` when Milvus does not answer."""
        with _index_errors():
            self._client.get_server_version(timeout=2.0)

    def _create_collection(self, name: str, dim: int) -> None:
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field(KEY, DataType.INT64, is_primary=True)
        schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=dim)
        index = MilvusClient.prepare_index_params()
        index.add_index(VECTOR, index_type="HNSW", index_name=VECTOR, metric_type=METRIC, params=INDEX)
        self._client.create_collection(
            name, schema=schema, index_params=index, num_shards=1, timeout=_PROVISION_TIMEOUT_S
        )

    def _point_alias(self, name: str, alias: str) -> None:
        if alias in self._client.list_aliases(name, timeout=_TIMEOUT_S)["aliases"]:
            return
        try:
            self._client.create_alias(name, alias, timeout=_TIMEOUT_S)
        except MilvusException:
            # It points to another generation.
            self._client.alter_alias(name, alias, timeout=_TIMEOUT_S)


@cache
def connect_store() -> VectorStore:
    """The process's store, connected on first use. Raises `Unavailable` (and tries again next time)."""
    with _index_errors():
        client = MilvusClient(
            uri=settings.MILVUS_URI,
            token=settings.MILVUS_TOKEN,
            timeout=_CONNECT_TIMEOUT_S,
            grpc_options=_CHANNEL,
        )
    return VectorStore(client, prefix=settings.MILVUS_PREFIX)


@contextmanager
def _index_errors() -> Iterator[None]:
    """Whatever the client raises when Milvus is away or refuses becomes one error the caller can wait on."""
    try:
        yield
    except (MilvusException, grpc.RpcError) as error:
        _log.warning("the vector index failed: %s", error)
        raise Unavailable(
            f"The vector index did not do its part ({type(error).__name__}). Try again shortly.",
            code="index_away",
            retry_after=5,
        ) from error
