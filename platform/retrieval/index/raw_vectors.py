"""What a gallery's index is made of, out of PostgreSQL: regions, and their raw vectors."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db.models import F, QuerySet

from retrieval.matches import AnyOf
from tenants.models import Embedding, ReferenceImage, Region

Vectors = npt.NDArray[np.float32]
Keys = npt.NDArray[np.int64]


def live_regions(gallery_id: UUID) -> QuerySet[Region]:
    """The regions of the gallery's photos that are not deleted, whatever their state."""
    return Region.objects.filter(
        image__gallery_id=gallery_id, image__deleted_at=None, image__product__deleted_at=None
    )


def list_regions(gallery_id: UUID, embedders: Sequence[str]) -> list[int]:
    """Keys, ascending, that an index of these models should hold: of indexed photos, seen by all models."""
    regions = live_regions(gallery_id).filter(image__state=ReferenceImage.State.INDEXED)
    for name in embedders:
        regions = regions.filter(pk__in=Embedding.objects.filter(model=name).values("region_id"))
    return list(regions.order_by("pk").values_list("pk", flat=True))


def load_raw(region_ids: Iterable[int], embedders: Sequence[str]) -> tuple[Keys, dict[str, Vectors]]:
    """(ids (n,) ascending, {embedder: (n, D) unit vectors}) of the regions that every embedder has seen."""
    wanted = [int(key) for key in region_ids]
    stored: dict[str, dict[int, bytes]] = {name: {} for name in embedders}
    rows = Embedding.objects.filter(AnyOf(F("region_id"), wanted), model__in=embedders)
    for model, region_id, vector in rows.values_list("model", "region_id", "vector"):
        stored[model][region_id] = bytes(vector)
    complete = sorted(set.intersection(*(set(found) for found in stored.values())))
    return np.array(complete, np.int64), {
        name: Embedding.unpack_all([found[key] for key in complete]) for name, found in stored.items()
    }
