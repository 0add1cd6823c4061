"""Generations of a gallery's index: one is searched, the next is filled, the last is taken away."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, QuerySet
from django.utils import timezone

from retrieval.analysers import embedder_dim, emits_codes
from retrieval.index.fitting import Fit, fit_model, keep_fit, name_model
from retrieval.index.rows import is_collection_of, list_all, list_searched, space_of
from retrieval.index.store import connect_store
from retrieval.settings.gallery import GallerySettings
from retrieval.settings.index import IndexSettings
from tenants.errors import DomainError
from tenants.models import Gallery, Projection, Rotation, VectorIndex


class Superseded(DomainError):
    """The generation will not be searched: a later one is wanted instead."""

    code = "superseded"


def wanted_settings(gallery: Gallery) -> IndexSettings:
    """How the gallery's owner wants its index."""
    return GallerySettings.parse(gallery.settings).index


def group_embedders(index: IndexSettings) -> list[tuple[str, ...]]:
    """The models of each collection: joined in an early fusion, else each its own."""
    if index.fusion == "early":
        return [index.embedders]
    return [(name,) for name in index.embedders]


def begin_generation(gallery: Gallery, *, asked: bool, reuse: bool) -> list[VectorIndex]:
    """The rows of the generation to fill: those of an interrupted run, if they still fit, or new ones.

    asked: fit although the gallery is small. reuse: take the live generation's artefacts (its collections are
    lost, nothing else has changed). The gallery is locked while the rows are made, so that whoever marks a
    photo indexed afterwards has written it here too.
    """
    wanted = wanted_settings(gallery)
    spec = wanted.build_spec()
    with _locked(gallery):
        building = _list_building(gallery)
    if building and all(index.spec == spec for index in building):
        return building
    asked = asked or _was_asked(gallery)
    fits = [_find_fit(gallery, names, spec, asked=asked, reuse=reuse) for names in group_embedders(wanted)]
    with _locked(gallery):
        _retire(_list_building(gallery))
        number = _last_generation(gallery) + 1
        return [
            _create_index(gallery, number, names, spec, fit)
            for names, fit in zip(group_embedders(wanted), fits, strict=True)
        ]


def go_live(gallery: Gallery, indexes: Sequence[VectorIndex]) -> None:
    """Search these from now on; what was searched so far is retired. One transaction, no moment between.

    Raises `Superseded` when another change of the settings has begun a later generation meanwhile, or the
    gallery was deleted.
    """
    generation = indexes[0].generation
    with _locked(gallery) as locked:
        alive = VectorIndex.objects.filter(pk__in=[index.pk for index in indexes], retired_at=None)
        if alive.count() < len(indexes) or locked.deleted_at:
            raise Superseded("The index's settings were changed again; the job of that change goes on.")
        older = VectorIndex.objects.filter(gallery=gallery, generation__lt=generation, retired_at=None)
        older.update(retired_at=timezone.now())
        # The comparison that came before this call was thorough.
        alive.update(checked_at=timezone.now())
        locked.generation = generation
        locked.save(update_fields=["generation"])


def list_droppable(indexes: QuerySet[VectorIndex]) -> QuerySet[VectorIndex]:
    """Retired indexes that no search which began on them can still want."""
    return indexes.filter(retired_at__lt=timezone.now() - timedelta(seconds=settings.RECOGNIZE_TIMEOUT_S + 5))


def drop_retired(gallery: Gallery) -> None:
    """Drop the gallery's retired indexes. Killed half-way, the next call goes on. Raises `Unavailable`."""
    for index in list_droppable(VectorIndex.objects.filter(gallery=gallery)):
        connect_store().drop_collection(space_of(index))
        with transaction.atomic():
            index.delete()
            _drop_artefacts(index)


def list_unfinished(indexes: QuerySet[VectorIndex]) -> QuerySet[VectorIndex]:
    """Those of generations that are not searched yet."""
    return indexes.filter(generation__gt=F("gallery__generation"), retired_at=None)


def retire_unfinished(gallery: Gallery) -> None:
    """Give up a generation that no job fills any more; until then every photo had to be written to it."""
    with _locked(gallery):
        _retire(_list_building(gallery))


def drop_strays(gallery: Gallery) -> None:
    """Drop those collections of the gallery that no row describes: a first version's, a killed job's.

    Raises `Unavailable`.
    """
    # In this order: a collection is made after its row.
    names = _list_collections(gallery)
    known = {space_of(index).collection for index in list_all(gallery)}
    for name in names:
        if name not in known:
            connect_store().drop_named(name)


def drop_collections(gallery: Gallery) -> None:
    """Drop every collection of a gallery that is deleted. Raises `Unavailable`."""
    for name in _list_collections(gallery):
        connect_store().drop_named(name)


def drop_collections_of_tenant(tenant_id: UUID) -> None:
    """Drop every collection that names the tenant, whatever gallery it was of. Raises `Unavailable`."""
    for name in connect_store().list_collections():
        if name.startswith(f"t{tenant_id.hex}_"):
            connect_store().drop_named(name)


def _list_collections(gallery: Gallery) -> list[str]:
    return [name for name in connect_store().list_collections() if is_collection_of(gallery, name)]


@contextmanager
def _locked(gallery: Gallery) -> Iterator[Gallery]:
    """A transaction that holds the gallery's row; yields it as it is now."""
    with transaction.atomic():
        yield Gallery.objects.select_for_update().get(pk=gallery.pk)


def _list_building(gallery: Gallery) -> list[VectorIndex]:
    return list(list_unfinished(VectorIndex.objects.filter(gallery=gallery)).order_by("model"))


def _was_asked(gallery: Gallery) -> bool:
    """A small gallery whose projection was asked for keeps one, whatever else is changed."""
    return any(index.projection_id for index in list_searched(gallery))


def _retire(indexes: Sequence[VectorIndex]) -> None:
    VectorIndex.objects.filter(pk__in=[index.pk for index in indexes]).update(retired_at=timezone.now())


def _last_generation(gallery: Gallery) -> int:
    last: int | None = VectorIndex.objects.filter(gallery=gallery).aggregate(last=Max("generation"))["last"]
    return max(last or 0, gallery.generation)


def _find_fit(
    gallery: Gallery, names: tuple[str, ...], spec: dict[str, Any], *, asked: bool, reuse: bool
) -> Fit:
    live = VectorIndex.objects.filter(
        gallery=gallery, generation=gallery.generation, model=name_model(names), spec=spec
    ).first()
    if reuse and live:
        return Fit(live.projection, live.rotation, live.width, live.sampled)
    return fit_model(
        gallery,
        embedders=names,
        spec=spec,
        raw_dim=sum(embedder_dim(name) for name in names),
        asked=asked,
        codes=all(emits_codes(name) for name in names),
    )


def _create_index(
    gallery: Gallery, generation: int, names: tuple[str, ...], spec: dict[str, Any], fit: Fit
) -> VectorIndex:
    binary = spec["representation"] != "float"
    keep_fit(fit)
    return VectorIndex.objects.create(
        tenant_id=gallery.tenant_id,
        gallery=gallery,
        generation=generation,
        model=name_model(names),
        embedders=list(names),
        stored=VectorIndex.Stored.BINARY if binary else VectorIndex.Stored.FLOAT,
        dim=-(-fit.width // 8) * 8 if binary else fit.width,
        width=fit.width,
        sampled=fit.sampled,
        spec=spec,
        projection=fit.projection,
        rotation=fit.rotation,
    )


def _drop_artefacts(index: VectorIndex) -> None:
    """Delete the index's artefacts unless another index uses them (a rebuild shares them)."""
    for kind, key in ((Projection, index.projection_id), (Rotation, index.rotation_id)):
        name = kind.__name__.lower()
        if key and not VectorIndex.objects.filter(**{name: key}).exists():
            kind.objects.filter(pk=key).delete()
