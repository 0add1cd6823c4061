"""What Milvus is told of a collection and of a search; vectors in the form that it takes."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from pymilvus import CollectionSchema, DataType, MilvusClient
from pymilvus.milvus_client import IndexParams

from retrieval.index.space import SearchParams, Space

Vectors = npt.NDArray[np.float32] | npt.NDArray[np.uint8]

KEY = "id"
VECTOR = "vector"
# Milvus refuses to return more.
MOST_HITS = 16384
_USUAL_EF = 128
_MOST_EF = 32768
_FEWEST_PROBES = 16
# One in so many of the inverted lists is looked into where a search does not say.
_PROBED_SHARE = 8


def make_schema(space: Space) -> CollectionSchema:
    """The region's id as the key, and its vector."""
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    kind = DataType.BINARY_VECTOR if space.stored == "binary" else DataType.FLOAT_VECTOR
    schema.add_field(KEY, DataType.INT64, is_primary=True)
    schema.add_field(VECTOR, kind, dim=space.dim)
    return schema


def make_index(space: Space) -> IndexParams:
    """The space's index."""
    index = MilvusClient.prepare_index_params()
    index.add_index(
        VECTOR,
        index_type=space.index.type,
        index_name=VECTOR,
        metric_type=space.metric,
        params=space.index.numbers,
    )
    return index


def choose_search(space: Space, params: SearchParams, limit: int) -> dict[str, Any]:
    """`search_params` of a search for `limit` hits."""
    numbers: dict[str, int] = {}
    if space.index.type == "HNSW":
        # Milvus refuses an ef below the number of hits.
        numbers["ef"] = min(max(params.ef or _USUAL_EF, limit), _MOST_EF)
    if nlist := space.index.numbers.get("nlist"):
        numbers["nprobe"] = min(params.nprobe or max(_FEWEST_PROBES, nlist // _PROBED_SHARE), nlist)
    return {"metric_type": space.metric, "params": numbers}


def choose_bound(space: Space, params: SearchParams) -> float:
    """Distance beyond which no hit is kept. Raises `ValueError` for a radius where none is measured.

    The nearest hits are cut here: Milvus has a range search, and its BIN_IVF_FLAT ends that at the first
    inverted list with nothing in range, so that it misses neighbours however many lists it may probe.
    """
    if params.radius is None:
        return math.inf
    if space.metric != "HAMMING" or params.radius < 0:
        raise ValueError(f"a radius of {params.radius} means nothing by {space.metric}")
    return params.radius


def check_vectors(space: Space, vectors: Vectors, count: int | None = None) -> None:
    """Raise `ValueError` unless these are `count` (None: any number of) finite vectors of the space."""
    binary = space.stored == "binary"
    wanted = np.dtype(np.uint8 if binary else np.float32)
    width = space.dim // 8 if binary else space.dim
    rows = len(vectors) if count is None else count
    if vectors.dtype != wanted or vectors.shape != (rows, width):
        raise ValueError(
            f"expected {wanted} vectors of shape ({'n' if count is None else count}, {width}), "
            f"got {vectors.dtype} {vectors.shape}"
        )
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise ValueError(f"vector {int(np.argmin(finite))} of {rows} holds NaN or infinity")


def pack_vectors(space: Space, vectors: Vectors) -> list[Any]:
    """The vectors one by one as the client takes them: rows of floats, or bytes."""
    if space.stored == "binary":
        return [row.tobytes() for row in vectors]
    return list(vectors)
