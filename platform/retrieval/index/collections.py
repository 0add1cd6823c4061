"""Collections as wholes: made, indexed, loaded, sealed, dropped. Names are Milvus's own, prefix and all."""

import time

from pymilvus import MilvusClient, MilvusException

from retrieval.index.parameters import VECTOR, make_index, make_schema
from retrieval.index.space import Space

CALL_TIMEOUT_S = 5.0
PROVISION_TIMEOUT_S = 60.0
# Milvus builds no index for a sealed segment with fewer rows, and searches it exactly.
_FEWEST_INDEXED = 1024
_POLL_S = 0.5
# These are the bare vectors: Milvus builds nothing.
_PLAIN = ("FLAT", "BIN_FLAT")


def provide_collection(client: MilvusClient, name: str, space: Space) -> None:
    """Create, index and load; each step only where it is still to do, since any may have been the last."""
    if not client.has_collection(name, timeout=CALL_TIMEOUT_S):
        client.create_collection(name, schema=make_schema(space), num_shards=1, timeout=PROVISION_TIMEOUT_S)
    if not client.list_indexes(name, timeout=CALL_TIMEOUT_S):
        client.create_index(name, make_index(space), timeout=PROVISION_TIMEOUT_S)
    client.load_collection(name, timeout=PROVISION_TIMEOUT_S)


def drop_collection(client: MilvusClient, name: str) -> None:
    """Drop the collection and what aliases an earlier version of Vitrine gave it; gone already is fine."""
    if not client.has_collection(name, timeout=CALL_TIMEOUT_S):
        return
    for alias in client.list_aliases(name, timeout=CALL_TIMEOUT_S)["aliases"]:
        client.drop_alias(alias, timeout=CALL_TIMEOUT_S)
    client.drop_collection(name, timeout=PROVISION_TIMEOUT_S)


def seal_collection(client: MilvusClient, name: str, space: Space, *, timeout_s: float) -> None:
    """Flush what was written, and wait until searches use the index that is built of it.

    What was just written lies in a growing segment, which is searched exactly and slowly; Milvus 2.3 takes up
    the index some 12 s after the flush. Raises `MilvusException` when that takes longer than `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    client.flush(name, timeout=timeout_s)
    while not _is_served(client, name, space.index.type):
        if time.monotonic() > deadline:
            raise MilvusException(message=f"the index of {name} was not built within {timeout_s:.0f} s")
        time.sleep(_POLL_S)


def _is_served(client: MilvusClient, name: str, kind: str) -> bool:
    """Whether every flushed segment is loaded, and with its index where there is one to build."""
    stored = client.list_persistent_segments(name, timeout=CALL_TIMEOUT_S)
    loaded = client.list_loaded_segments(name, timeout=CALL_TIMEOUT_S)
    served = {segment.segment_id for segment in loaded}
    indexed = {segment.segment_id for segment in loaded if segment.index_name == VECTOR}
    return all(
        segment.segment_id in (served if kind in _PLAIN or segment.num_rows < _FEWEST_INDEXED else indexed)
        for segment in stored
    )
