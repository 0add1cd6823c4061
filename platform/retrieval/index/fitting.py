"""What is fitted on a gallery's own photos: its projection, and how its vectors become bits."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import Max

from inference import projection
from inference.binarizer import Binarizer, fit_binarizer
from retrieval.index.raw_vectors import list_regions, load_raw
from retrieval.ranking.ensembles import fuse_early
from tenants.models import Gallery, Projection, Rotation
from tenants.models.arrays import pack_floats

Vectors = npt.NDArray[np.float32]

# Fewer photos than this say little of the principal axes; a shop may ask for a fit before.
FIT_AT = 300
LEAST_TO_FIT = 16
# The mean that bits are counted from needs less.
CENTRE_AT = 20
# A fit is repeated when the gallery has outgrown it by this factor.
OUTGROWN = 1.5
_MOST_VECTORS = 20_000
_MANY = 2048
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fit:
    """The artefacts of one index, not fitted where None, and what they make of a raw vector.

    width: floats of what they make. sampled: vectors that were there to fit on.
    """

    projection: Projection | None
    rotation: Rotation | None
    width: int
    sampled: int


def fit_model(
    gallery: Gallery,
    *,
    embedders: Sequence[str],
    spec: dict[str, Any],
    raw_dim: int,
    asked: bool,
    codes: bool,
) -> Fit:
    """Fit what the spec asks for and the gallery's photos allow; `keep_fit` stores it.

    asked: a shop wants a fit although the gallery is small. codes: the models emit codes themselves, which
    need neither projection nor centre.
    """
    if codes:
        return Fit(None, _describe_rotation(gallery, embedders, _keep_signs(raw_dim), 0), raw_dim, 0)
    regions = list_regions(gallery.pk, embedders)
    vectors, sampled = _load_sample(regions, embedders), len(regions)
    kept = None
    if spec["projection"] == "pca" and len(vectors) >= (LEAST_TO_FIT if asked else FIT_AT):
        fitted = _fit_projection(vectors, spec)
        if fitted:
            kept = _describe_projection(gallery, embedders, fitted, len(vectors))
            vectors = fitted.apply(vectors)
    width = kept.out_dim if kept else raw_dim
    rotation = None
    if "binarizer" in spec and len(vectors) >= CENTRE_AT:
        binarizer = fit_binarizer(vectors, method=spec["binarizer"])
        rotation = _describe_rotation(gallery, embedders, binarizer, len(vectors))
    return Fit(kept, rotation, width, sampled)


def keep_fit(fit: Fit) -> None:
    """Store those artefacts that are new, each with the version after the last. The gallery is locked."""
    for artefact in (fit.projection, fit.rotation):
        if artefact is not None and artefact._state.adding:  # noqa: SLF001 - Django's documented way to ask
            same = type(artefact).objects.filter(gallery=artefact.gallery_id, model=artefact.model)
            artefact.version = (same.aggregate(last=Max("version"))["last"] or 0) + 1
            artefact.save()


def choose_dims(photos: int) -> int:
    """As many axes as so many photos tell apart from noise (figures in docs/measurements.md)."""
    return 256 if photos >= _MANY else 128


def is_outgrown(*, spec: dict[str, Any], sampled: int, width: int, photos: int) -> bool:
    """Whether a new fit would make what the last one could not, or be made on half as many photos again.

    sampled, photos: vectors at the last fit, and now; a fit that came to nothing is not tried again until
    there are that many more. width: floats of a fitted vector, so the bits of its code.
    """
    needed = [FIT_AT] if spec["projection"] == "pca" else []
    needed += [CENTRE_AT] if "binarizer" in spec else []
    needed += [width] if spec.get("binarizer") == "itq" else []
    if any(sampled < least <= photos for least in needed):
        return True
    return spec["projection"] == "pca" and photos >= max(FIT_AT, OUTGROWN * sampled)


def _fit_projection(vectors: Vectors, spec: dict[str, Any]) -> projection.Projection | None:
    """None where the photos do not differ, which leaves nothing to fit."""
    try:
        return projection.fit_projection(
            vectors, dims=spec["dims"] or choose_dims(len(vectors)), power=-spec["whitening"]
        )
    except ValueError as error:
        _log.warning("no projection: %s", error)
        return None


def _load_sample(regions: Sequence[int], embedders: Sequence[str]) -> Vectors:
    """Joined raw vectors (n, D) of at most 20,000 of the regions, the same ones each time."""
    ids = np.asarray(regions, np.int64)
    if len(ids) > _MOST_VECTORS:
        ids = np.random.default_rng(0).choice(ids, _MOST_VECTORS, replace=False)
    found, raw = load_raw(ids, embedders)
    if not len(found):
        return np.zeros((0, 1), np.float32)
    return np.asarray(fuse_early([raw[name] for name in embedders]), np.float32)


def _keep_signs(dim: int) -> Binarizer:
    return Binarizer(np.zeros(dim, np.float32), None, "sign")


def _describe_projection(
    gallery: Gallery, embedders: Sequence[str], fitted: projection.Projection, fitted_on: int
) -> Projection:
    return Projection(
        **_own(gallery, embedders, fitted_on),
        in_dim=fitted.matrix.shape[0],
        out_dim=fitted.matrix.shape[1],
        mean=pack_floats(fitted.mean),
        matrix=pack_floats(fitted.matrix),
    )


def _describe_rotation(
    gallery: Gallery, embedders: Sequence[str], binarizer: Binarizer, fitted_on: int
) -> Rotation:
    mean, rotation = binarizer.mean, binarizer.rotation
    if mean is None:
        raise ValueError("a fitted binarizer has a mean")
    return Rotation(
        **_own(gallery, embedders, fitted_on),
        method=binarizer.method,
        dim=len(mean),
        mean=pack_floats(mean),
        matrix=None if rotation is None else pack_floats(rotation),
    )


def _own(gallery: Gallery, embedders: Sequence[str], fitted_on: int) -> dict[str, Any]:
    return {
        "tenant_id": gallery.tenant_id,
        "gallery": gallery,
        "model": name_model(embedders),
        "fitted_on": fitted_on,
    }


def name_model(embedders: Sequence[str]) -> str:
    """One name for the vectors of one model, or of several joined; fit for a collection's name."""
    return "__".join(embedders)
