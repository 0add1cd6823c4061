"""From a model's raw vectors to what a gallery's index holds, and what its ranking compares."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast
from uuid import UUID

import numpy as np
import numpy.typing as npt

from inference.binarizer import Binarizer, Method, unpack_codes
from inference.projection import Projection
from retrieval.ranking.ensembles import fuse_early
from tenants.models import VectorIndex

Vectors = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Form:
    """Raw vectors are joined (early fusion), projected, and where there is a binarizer, made into bits.

    width: floats of a compared vector. rescored: the bits are for the shortlist only; ranking compares the
    projected vectors.
    """

    embedders: tuple[str, ...]
    width: int
    projection: Projection | None
    binarizer: Binarizer | None
    rescored: bool = False

    def project(self, raw: Mapping[str, Vectors]) -> Vectors:
        """Unit vectors (n, d) float32 of n regions; raw: (n, D) by embedder."""
        joined = fuse_early([raw[name] for name in self.embedders])
        return self.projection.apply(joined) if self.projection else np.asarray(joined, np.float32)

    def compare(self, raw: Mapping[str, Vectors]) -> Vectors:
        """What ranking compares by cosine, (n, d) float32 unit vectors: of a binary index codes as +-1."""
        projected = self.project(raw)
        if self.binarizer is None or self.rescored:
            return projected
        return unpack_codes(self.binarizer.encode(projected), projected.shape[1])

    def store(self, compared: Vectors) -> Vectors | Codes:
        """What the index holds of vectors that `compare` made: themselves, or their codes (n, bits / 8)."""
        if self.binarizer is None:
            return compared
        if self.rescored:
            return self.binarizer.encode(compared)
        return np.packbits(compared > 0, axis=1)


def form_of(index: VectorIndex) -> Form:
    """The form of an index's vectors; its artefacts are read once a process."""
    return _load_form(index.pk)


@lru_cache(maxsize=256)
def _load_form(index_id: UUID) -> Form:
    index = VectorIndex.objects.select_related("projection", "rotation").get(pk=index_id)
    return make_form(index)


def make_form(index: VectorIndex) -> Form:
    """The form that the index's artefacts describe."""
    binarizer = None
    if index.stored == VectorIndex.Stored.BINARY:
        binarizer = Binarizer(None, None, "sign")
        if index.rotation:
            binarizer = Binarizer(*index.rotation.arrays(), cast("Method", index.rotation.method))
    return Form(
        embedders=tuple(index.embedders),
        width=index.width,
        projection=Projection(*index.projection.arrays()) if index.projection else None,
        binarizer=binarizer,
        rescored=index.spec["representation"] == "hybrid",
    )
