"""What a gallery's owner is shown of its index: what was fitted, and where it is not what was asked for."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import F, Prefetch, QuerySet

from retrieval.index.fitting import CENTRE_AT, FIT_AT, LEAST_TO_FIT
from retrieval.settings.gallery import GallerySettings
from retrieval.thresholds import Threshold, find_threshold
from tenants.models import Gallery, Projection, Rotation, VectorIndex


@dataclass(frozen=True)
class ModelReport:
    """The vectors of one model, or of several that were joined.

    stored_dim: floats, or bits, of a vector in the index. projection, binarizer: what was fitted; None where
    nothing is. notes: where this is not (yet) what the settings ask for, and why.
    """

    model: str
    embedders: tuple[str, ...]
    representation: str
    stored_dim: int
    projection: Projection | None
    binarizer: Rotation | None
    notes: tuple[str, ...]

    @property
    def projected(self) -> bool:
        """Whether the vectors are projected."""
        return self.projection is not None


@dataclass(frozen=True)
class IndexReport:
    """The searched generation; without models while there is none yet."""

    generation: int
    models: tuple[ModelReport, ...]


def with_indexes(galleries: QuerySet[Gallery]) -> QuerySet[Gallery]:
    """The galleries with what `report_index` and `report_threshold` look at, in one more query for all."""
    return galleries.prefetch_related(_searched())


def report_index(gallery: Gallery) -> IndexReport:
    """The gallery's searched index."""
    return IndexReport(gallery.generation, tuple(_report_model(index) for index in _list_searched(gallery)))


def report_threshold(gallery: Gallery) -> Threshold:
    """The threshold that answers are held to."""
    return find_threshold(GallerySettings.parse(gallery.settings), _list_searched(gallery))


def _searched() -> "Prefetch[str]":
    """Without the fitted arrays, which take megabytes."""
    arrays = [f"{kind}__{name}" for kind in ("projection", "rotation") for name in ("mean", "matrix")]
    indexes = VectorIndex.objects.filter(generation=F("gallery__generation"))
    return Prefetch("indexes", indexes.select_related("projection", "rotation").defer(*arrays))


def _list_searched(gallery: Gallery) -> list[VectorIndex]:
    live = (index for index in gallery.indexes.all() if index.generation == gallery.generation)
    return sorted(live, key=lambda index: index.model)


def _report_model(index: VectorIndex) -> ModelReport:
    return ModelReport(
        model=index.model,
        embedders=tuple(index.embedders),
        representation=index.spec["representation"],
        stored_dim=index.dim,
        projection=index.projection,
        binarizer=index.rotation,
        notes=(*_note_projection(index), *_note_bits(index)),
    )


def _note_projection(index: VectorIndex) -> Iterator[str]:
    if index.spec["projection"] != "pca":
        return
    asked = index.spec["dims"]
    if index.projection is None and index.sampled >= FIT_AT:
        yield "There is no projection, since the photos do not differ."
    elif index.projection is None:
        yield (
            f"There is no projection yet: it is fitted once the gallery has {FIT_AT} indexed photos, or by "
            f"`reindex` from {LEAST_TO_FIT} on."
        )
    elif asked and index.projection.out_dim < asked:
        yield (
            f"{asked} dimensions were asked for, and the {index.projection.fitted_on} photos differ on no "
            f"more than {index.projection.out_dim}: as many are kept."
        )


def _note_bits(index: VectorIndex) -> Iterator[str]:
    if index.stored != VectorIndex.Stored.BINARY:
        return
    asked, fitted = index.spec.get("binarizer"), index.rotation
    if fitted is None:
        yield f"Bits are signs of vectors that are not centred: that takes {CENTRE_AT} photos."
    elif not fitted.fitted_on:
        yield "The model emits its codes itself, so nothing is fitted."
    elif fitted.method != asked:
        yield (
            f"ITQ was asked for, and {fitted.fitted_on} photos are fewer than {fitted.dim} bits: "
            "sign is used."
        )
