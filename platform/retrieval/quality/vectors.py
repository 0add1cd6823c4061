"""Vectors of exemplars, as an index compares them."""

from collections.abc import Collection
from uuid import UUID

import numpy as np
import numpy.typing as npt

from retrieval.index.gallery_index import GalleryIndex
from tenants.models import Embedding, ExemplarRegion

Vectors = npt.NDArray[np.float32]


def load_exemplar_vectors(index: GalleryIndex, exemplars: Collection[UUID]) -> dict[UUID, Vectors]:
    """(r, d) compared vectors of the regions of each exemplar that all models of the index have seen."""
    rows = (
        ExemplarRegion.objects.filter(exemplar__in=list(exemplars), model__in=index.embedders)
        .order_by("exemplar_id", "ordinal")
        .values_list("model", "exemplar_id", "ordinal", "vector")
    )
    stored: dict[str, dict[tuple[UUID, int], bytes]] = {name: {} for name in index.embedders}
    for model, exemplar, ordinal, vector in rows:
        stored[model][exemplar, ordinal] = bytes(vector)
    complete = sorted(set.intersection(*(set(found) for found in stored.values())))
    if not complete:
        return {}
    compared = index.compare(
        {name: Embedding.unpack_all([found[key] for key in complete]) for name, found in stored.items()}
    )
    places: dict[UUID, list[int]] = {}
    for place, (exemplar, _) in enumerate(complete):
        places.setdefault(exemplar, []).append(place)
    return {exemplar: compared[found] for exemplar, found in places.items()}
