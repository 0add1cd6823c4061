"""The tenant's distractors as vectors: what its shops do not sell."""

from functools import lru_cache
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db.models import Count, Max

from retrieval.index.gallery_index import GalleryIndex
from tenants.models import Embedding, Exemplar, ExemplarRegion

Vectors = npt.NDArray[np.float32]


def load_negatives(index: GalleryIndex) -> Vectors:
    """(m, d) compared vectors of the regions of all distractors that the index's models have seen."""
    newest = ExemplarRegion.objects.filter(
        exemplar__role=Exemplar.Role.DISTRACTOR, model__in=index.embedders
    ).aggregate(last=Max("id"), count=Count("id"))
    if not newest["count"]:
        return np.zeros((0, index.width), np.float32)
    return _load(_Key(index), newest["last"], newest["count"])


class _Key:
    """Lets a cache hold an index by what its vectors are made of: tenant and generation."""

    def __init__(self, index: GalleryIndex) -> None:
        self.index = index
        self._said: tuple[UUID, UUID, int] = (
            index.gallery.tenant_id,
            index.gallery.pk,
            index.generation,
        )

    def __hash__(self) -> int:
        return hash(self._said)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._said == other._said


@lru_cache(maxsize=64)
def _load(key: _Key, _last: int, _count: int) -> Vectors:
    """`_last` and `_count` change with every distractor that comes or goes."""
    rows = (
        ExemplarRegion.objects.filter(exemplar__role=Exemplar.Role.DISTRACTOR, model__in=key.index.embedders)
        .order_by("exemplar_id", "ordinal")
        .values_list("model", "exemplar_id", "ordinal", "vector")
    )
    stored: dict[str, dict[tuple[UUID, int], bytes]] = {name: {} for name in key.index.embedders}
    for model, exemplar, ordinal, vector in rows:
        stored[model][exemplar, ordinal] = bytes(vector)
    complete = sorted(set.intersection(*(set(found) for found in stored.values())))
    if not complete:
        return np.zeros((0, key.index.width), np.float32)
    return key.index.compare(
        {name: Embedding.unpack_all([found[key] for key in complete]) for name, found in stored.items()}
    )
