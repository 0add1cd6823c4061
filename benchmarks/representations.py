"""Float, binary and hybrid galleries: time of a search, what it finds, and what its vectors take in Milvus.

Clustered made-up vectors; one query at a time, every representation in turn for each, through the product's
vector store. The published claim to beat: binary vectors take a 32nd of the memory, and are searched five
times faster above 100,000. Run by
`python -m stack run -- python -m benchmarks.representations --sizes 10000 100000 1000000`.
"""

import argparse
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Self

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import numpy as np  # noqa: E402 - Django first
import numpy.typing as npt  # noqa: E402
from django.db import connection  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.clusters import (  # noqa: E402
    QUERIES,
    Floats,
    Gallery,
    K,
    describe_space,
    draw_gallery,
    filled_collection,
    measure_recall,
)
from benchmarks.figures import Spread, spread_of, write_figures  # noqa: E402
from inference.binarizer import Binarizer, fit_binarizer  # noqa: E402
from retrieval.index.space import IndexBuild, SearchParams, Space  # noqa: E402
from retrieval.index.store import Hit, VectorStore, connect_store  # noqa: E402

EF = 128
# A hybrid search rescores so many times the results asked for.
OVERSAMPLE = 10
FLAT, HNSW, BINARY, HYBRID = "float FLAT", "float HNSW", "binary BIN_FLAT", "hybrid BIN_FLAT"
FLOAT_INDEXES = {FLAT: IndexBuild("FLAT"), HNSW: IndexBuild("HNSW", (("M", 16), ("efConstruction", 200)))}
# Building the graph of a million takes two cores half an hour.
MOST_HNSW = 100_000
_WARM_UP = 10

Search = Callable[[Floats], list[Hit]]


@dataclass(frozen=True)
class Figures:
    """Of one representation at one size. bytes: of its vectors in Milvus, without its index's own."""

    latency: Spread
    recall: float
    bytes: int
    speedup: float
    storage: float


def main() -> None:
    """Measure each size, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--dim", type=int, default=256)
    asked = parser.parse_args()
    figures: dict[str, Any] = {"dim": asked.dim, "k": K, "queries": QUERIES, "ef": EF, "sizes": {}}
    for size in asked.sizes:
        started = time.monotonic()
        measured = measure_size(connect_store(), draw_gallery(size, asked.dim))
        print_table(size, asked.dim, measured)
        print(f"made and measured in {time.monotonic() - started:.0f} s")
        figures["sizes"][str(size)] = {name: asdict(one) for name, one in measured.items()}
    write_figures("representations", figures)


def measure_size(store: VectorStore, gallery: Gallery) -> dict[str, Figures]:
    """All representations of one gallery, loaded together and searched in turns."""
    binarizer = fit_binarizer(gallery.vectors, method="itq")
    codes = np.concatenate(
        [
            binarizer.encode(part)
            for part in np.array_split(gallery.vectors, -(-len(gallery.vectors) // 50_000))
        ]
    )
    dim = gallery.vectors.shape[1]
    with ExitStack() as stack:
        floats = {
            name: stack.enter_context(filled_collection(store, describe_space(dim, index), gallery.vectors))
            for name, index in FLOAT_INDEXES.items()
            if name == FLAT or len(gallery.vectors) <= MOST_HNSW
        }
        binary = stack.enter_context(
            filled_collection(store, describe_space(codes.shape[1] * 8, IndexBuild("BIN_FLAT")), codes)
        )
        table = stack.enter_context(StoredVectors(gallery.vectors))
        searches: dict[str, Search] = {
            **{name: partial(search_floats, store, space) for name, space in floats.items()},
            BINARY: lambda query: search_codes(store, binary, binarizer, query, K),
            HYBRID: lambda query: search_hybrid(store, binary, binarizer, table, query),
        }
        bytes_of = dict.fromkeys(floats, gallery.vectors.nbytes)
        bytes_of |= dict.fromkeys((BINARY, HYBRID), codes.nbytes)
        return measure_searches(searches, gallery, bytes_of)


def search_floats(store: VectorStore, space: Space, query: Floats) -> list[Hit]:
    """The ten nearest."""
    return store.search(space, query[None], limit=K, seen=0, params=SearchParams(ef=EF))[0]


def search_codes(
    store: VectorStore, space: Space, binarizer: Binarizer, query: Floats, limit: int
) -> list[Hit]:
    """The nearest codes; making the query's own is part of it."""
    return store.search(space, binarizer.encode(query[None]), limit=limit, seen=0)[0]


def search_hybrid(
    store: VectorStore, space: Space, binarizer: Binarizer, table: "StoredVectors", query: Floats
) -> list[Hit]:
    """The nearest hundred codes, then the exact cosine of each from PostgreSQL."""
    ids, vectors = table.load(
        [hit.region_id for hit in search_codes(store, space, binarizer, query, K * OVERSAMPLE)]
    )
    cosines = vectors @ query
    best = np.argsort(-cosines)[:K]
    return [Hit(int(ids[place]), float(cosines[place])) for place in best]


class StoredVectors:
    """The gallery's vectors as float16 by id in PostgreSQL, as the product keeps them, for a while."""

    def __init__(self, vectors: Floats) -> None:
        self._vectors = vectors

    def __enter__(self) -> Self:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE benchmark_vectors (id bigint, vector bytea)")
            with cursor.copy("COPY benchmark_vectors FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["int8", "bytea"])
                for key, vector in enumerate(self._vectors):
                    copy.write_row((key, vector.astype(np.float16).tobytes()))
            cursor.execute("ALTER TABLE benchmark_vectors ADD PRIMARY KEY (id)")
            cursor.execute("ANALYZE benchmark_vectors")
        return self

    def __exit__(self, *raised: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE benchmark_vectors")

    def load(self, ids: list[int]) -> tuple[npt.NDArray[np.int64], Floats]:
        """Ids (m,) and vectors (m, dim) of the rows asked for, in some order."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, vector FROM benchmark_vectors WHERE id = ANY(%s)", [ids])
            rows = cursor.fetchall()
        joined = b"".join(vector for _, vector in rows)
        vectors = np.frombuffer(joined, np.float16).reshape(len(rows), -1).astype(np.float32)
        return np.array([key for key, _ in rows], np.int64), vectors


def measure_searches(
    searches: dict[str, Search], gallery: Gallery, bytes_of: dict[str, int]
) -> dict[str, Figures]:
    """Each query through every search in turn, so that all see the same machine."""
    found: dict[str, list[list[Hit]]] = {name: [] for name in searches}
    taken: dict[str, list[float]] = {name: [] for name in searches}
    for query in gallery.queries[:_WARM_UP]:
        for search in searches.values():
            search(query)
    for query in gallery.queries:
        for name, search in searches.items():
            started = time.perf_counter()
            found[name].append(search(query))
            taken[name].append((time.perf_counter() - started) * 1000)
    spreads = {name: spread_of(times) for name, times in taken.items()}
    return {
        name: Figures(
            latency=spreads[name],
            recall=round(measure_recall(found[name], gallery.nearest), 4),
            bytes=bytes_of[name],
            speedup=round(spreads[FLAT].p50 / spreads[name].p50, 2),
            storage=round(bytes_of[FLAT] / bytes_of[name], 1),
        )
        for name in searches
    }


def print_table(size: int, dim: int, measured: dict[str, Figures]) -> None:
    """One row a representation."""
    table = Table(title=f"{size:,} vectors of {dim}, {QUERIES} queries one at a time")
    for heading in ("", "p50 ms", "p95 ms", f"recall@{K}", "MB", "faster", "smaller"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, one in measured.items():
        table.add_row(
            name,
            f"{one.latency.p50:.2f}",
            f"{one.latency.p95:.2f}",
            f"{one.recall:.3f}",
            f"{one.bytes / 1e6:.2f}",
            f"{one.speedup:.2f}",
            f"{one.storage:.0f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
