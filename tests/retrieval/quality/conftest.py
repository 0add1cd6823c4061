from collections.abc import Iterator

import pytest

from retrieval.index.store import VectorStore
from tests.retrieval.quality.clusters import ClusteredGallery, clustered_gallery

# Products of four, two and one photo.
PHOTOS = [4] * 12 + [2] * 6 + [1] * 4


@pytest.fixture(scope="module")
def made(rows: None, store: VectorStore) -> Iterator[ClusteredGallery]:
    """Acme's gallery of clusters, with Acme entered; tests of a module share it."""
    with clustered_gallery(store, photos=PHOTOS) as gallery:
        yield gallery
