"""The rows that describe a gallery's vector indexes, and the space of each in Milvus."""

from collections.abc import Sequence
from typing import Any, Literal, cast

from django.db.models import QuerySet

from retrieval.index.space import IndexBuild, Space, Stored
from tenants.models import Gallery, VectorIndex

_Metric = Literal["COSINE", "IP", "HAMMING"]
_BUILD_NUMBERS = ("M", "efConstruction", "nlist")


def list_searched(gallery: Gallery) -> list[VectorIndex]:
    """The gallery's live indexes: one, or one a model in a late fusion."""
    return list(VectorIndex.objects.filter(gallery=gallery, generation=gallery.generation).order_by("model"))


def list_written(gallery: Gallery) -> list[VectorIndex]:
    """The indexes that every write must reach: the live ones and those that are being filled."""
    written = VectorIndex.objects.filter(gallery=gallery, retired_at=None)
    return list(written.order_by("generation", "model"))


def list_all(gallery: Gallery) -> QuerySet[VectorIndex]:
    """Every index that may have a collection, retired ones too."""
    return VectorIndex.objects.filter(gallery=gallery)


def list_embedders(indexes: Sequence[VectorIndex]) -> list[str]:
    """Names of the models that fill these indexes, each once."""
    return sorted({name for index in indexes for name in index.embedders})


def space_of(index: VectorIndex) -> Space:
    """Where the index's vectors lie."""
    spec: dict[str, Any] = index.spec
    return Space(
        tenant_id=index.tenant_id,
        gallery_id=index.gallery_id,
        model=index.model,
        dim=index.dim,
        generation=index.generation,
        stored=cast("Stored", index.stored),
        index=IndexBuild(spec["type"], tuple((name, spec[name]) for name in _BUILD_NUMBERS if name in spec)),
        metric=cast("_Metric", str(spec["metric"]).upper()),
    )


def is_collection_of(gallery: Gallery, name: str) -> bool:
    """Whether a collection of this name (`Space.collection`, of any version) holds the gallery's vectors."""
    return name.startswith(f"t{gallery.tenant_id.hex}_g{gallery.pk.hex}_")


def ask_check(gallery: Gallery) -> None:
    """Have the gallery's indexes compared with PostgreSQL soon: a search has found one missing."""
    VectorIndex.objects.filter(gallery=gallery).update(checked_at=None)
