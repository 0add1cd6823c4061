"""Which threshold a gallery's answers are held to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from retrieval.settings.gallery import GallerySettings
from tenants.models import VectorIndex

Origin = Literal["set", "default"]

# Where the owner has set none. Cosines of raw vectors are all high, those of projected ones spread out, and
# those of bits more so: these let about the same share of strangers pass (figures in docs/measurements.md).
_DEFAULTS = {"raw": 0.85, "projected": 0.55, "bits": 0.47}


@dataclass(frozen=True)
class Threshold:
    """The threshold in effect, and where it comes from."""

    value: float
    origin: Origin


def find_threshold(settings: GallerySettings, indexes: Sequence[VectorIndex]) -> Threshold:
    """The one set by the owner, else the usual one for these indexes' vectors."""
    if settings.score_threshold is not None:
        return Threshold(settings.score_threshold, "set")
    return Threshold(_DEFAULTS[_name_kind(indexes)], "default")


def _name_kind(indexes: Sequence[VectorIndex]) -> str:
    """By the indexes, not by the settings, which are ahead of them until the next ones are built."""
    if any(index.spec["representation"] == "binary" for index in indexes):
        return "bits"
    return "projected" if any(index.projection_id for index in indexes) else "raw"
