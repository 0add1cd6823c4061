"""Real rows and collections, without the service's processes: these tests play the worker themselves."""

from tests.retrieval.conftest import milvus_relay, rows, shelf, store

__all__ = ["milvus_relay", "rows", "shelf", "store"]
