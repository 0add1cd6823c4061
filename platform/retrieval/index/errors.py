"""Whatever goes wrong between us and Milvus, as errors that a caller can act on."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from pymilvus import MilvusException
from pymilvus.exceptions import ErrorCode

from jobs.errors import Unavailable

_RETRY_AFTER_S = 5
_log = logging.getLogger(__name__)
# Importing pymilvus gives its logger a handler and a level of its own: pages of traceback a failed call.
# What failed is told by `index_errors`, in one line.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


class IndexMissing(Unavailable):
    """Milvus answers and has no such collection: it lost its data, or the collection was never filled."""

    def __init__(self) -> None:
        super().__init__(
            "The vector index has no collection of this gallery; it can be rebuilt from the database. "
            "Try again shortly.",
            code="index_away",
            retry_after=_RETRY_AFTER_S,
        )


@contextmanager
def index_errors() -> Iterator[None]:
    """Whatever the client raises becomes `IndexMissing`, or one `Unavailable` that the caller can wait on.

    Every call on a missing collection fails with code 100 (seen with Milvus 2.3.5; pymilvus 3 names the same
    code). A collection that is there and not loaded (101: a server that is starting) is to be waited on.
    """
    try:
        yield
    except (MilvusException, grpc.RpcError) as error:
        _log.warning("the vector index failed: %s", error)
        if isinstance(error, MilvusException) and error.code == ErrorCode.COLLECTION_NOT_FOUND:
            raise IndexMissing from error
        raise Unavailable(
            f"The vector index did not do its part ({type(error).__name__}). Try again shortly.",
            code="index_away",
            retry_after=_RETRY_AFTER_S,
        ) from error
