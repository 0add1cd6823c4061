from collections.abc import Iterator

import pytest

from retrieval.index.space import Space
from retrieval.index.store import VectorStore
from tests.retrieval.spaces import new_space


@pytest.fixture(scope="module")
def made_space(store: VectorStore) -> Iterator[Space]:
    made = new_space()
    store.ensure_collection(made)
    yield made
    store.drop_collection(made)


@pytest.fixture
def space(store: VectorStore, made_space: Space) -> Iterator[Space]:
    """A collection that is empty again afterwards."""
    yield made_space
    store.delete(made_space, range(1000))
