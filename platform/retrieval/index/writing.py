"""Stored regions into an index. What is written is read from PostgreSQL, so that a rebuild gives the same."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from retrieval.index.forms import form_of
from retrieval.index.gallery_index import GalleryIndex
from retrieval.index.raw_vectors import Keys, load_raw
from retrieval.index.rows import space_of
from retrieval.index.store import connect_store
from retrieval.ranking.augmentation import augment, augment_all
from retrieval.settings.gallery import GallerySettings
from tenants.models import Gallery, VectorIndex

Vectors = npt.NDArray[np.float32]
BATCH = 1000


def write_regions(gallery: Gallery, index: VectorIndex, region_ids: Sequence[int]) -> int:
    """Write the regions that the index's models have seen; the newest timestamp of the index (0: none).

    With database augmentation each is averaged with its neighbours among those that are in the index now.
    Raises `Unavailable`.
    """
    seen = 0
    for ids, vectors in _load_batches(index, region_ids):
        augmented = _augment_from_index(gallery, index, ids, vectors) if index.spec.get("dba") else vectors
        seen = max(seen, _upsert(index, ids, augmented))
    return seen


def write_augmented(index: VectorIndex, region_ids: Sequence[int]) -> int:
    """Write all of a gallery's regions, each averaged with its neighbours among all of them.

    For an index that is empty. Holds every vector of the gallery at once.
    """
    batches = list(_load_batches(index, region_ids))
    if not batches:
        return 0
    ids = np.concatenate([keys for keys, _ in batches])
    augmented = augment_all(np.concatenate([rows for _, rows in batches]), k=index.spec["dba"])
    return max(
        _upsert(index, ids[at : at + BATCH], augmented[at : at + BATCH]) for at in range(0, len(ids), BATCH)
    )


def _load_batches(index: VectorIndex, region_ids: Sequence[int]) -> Iterator[tuple[Keys, Vectors]]:
    form = form_of(index)
    for at in range(0, len(region_ids), BATCH):
        ids, raw = load_raw(region_ids[at : at + BATCH], index.embedders)
        if len(ids):
            yield ids, form.compare(raw)


def _upsert(index: VectorIndex, ids: Keys, compared: Vectors) -> int:
    return connect_store().upsert(space_of(index), ids.tolist(), form_of(index).store(compared))


def _augment_from_index(gallery: Gallery, index: VectorIndex, ids: Keys, vectors: Vectors) -> Vectors:
    """The vectors averaged with their nearest neighbours in the index, or as many as there are."""
    count = index.spec["dba"]
    one = GalleryIndex(gallery, [index], GallerySettings.parse(gallery.settings).index)
    found = one.search(vectors, limit=count + 1, wanted=count + 1, bounded=False)
    near = [
        [hit.region_id for hit in row if hit.region_id != key][:count]
        for row, key in zip(found, ids.tolist(), strict=True)
    ]
    keys, loaded = one.load({key for row in near for key in row})
    places = {int(key): place for place, key in enumerate(keys)}
    neighbours = np.zeros((len(ids), count, vectors.shape[1]), np.float32)
    for row, wanted in enumerate(near):
        for column, key in enumerate(wanted):
            if key in places:
                neighbours[row, column] = loaded[places[key]]
    return augment(vectors, neighbours)
