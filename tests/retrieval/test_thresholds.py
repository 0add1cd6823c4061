"""Which threshold is in effect."""

from typing import Any

import pytest

from retrieval.settings.gallery import GallerySettings
from retrieval.thresholds import find_threshold
from tenants.models import Gallery, Projection, VectorIndex


def make_index(representation: str, *, projected: bool = False) -> VectorIndex:
    index = VectorIndex(spec={"representation": representation})
    index.projection_id = Projection().pk if projected else None
    return index


@pytest.mark.parametrize(
    ("said", "calibrated", "value", "origin"),
    [
        (0.5, 0.6, 0.5, "set"),
        (0.0, 0.6, 0.0, "set"),
        (-1, None, -1, "set"),
        (None, 0.6, 0.6, "calibrated"),
        (None, 0.0, 0.0, "calibrated"),
        (None, None, 0.85, "default"),
    ],
)
def test_owners_word_comes_first_then_the_calibration(
    said: float | None, calibrated: float | None, value: float, origin: str
) -> None:
    gallery = Gallery(calibrated_threshold=calibrated)
    settings = GallerySettings.parse({"score_threshold": said})
    found = find_threshold(gallery, settings, [make_index("float")])
    assert (found.value, found.origin) == (value, origin)


@pytest.mark.parametrize(
    ("indexes", "value"),
    [
        ([], 0.85),
        ([make_index("float")], 0.85),
        ([make_index("float", projected=True)], 0.45),
        ([make_index("float"), make_index("float", projected=True)], 0.45),
        ([make_index("hybrid")], 0.85),
        ([make_index("hybrid", projected=True)], 0.45),
        ([make_index("binary")], 0.35),
        ([make_index("binary", projected=True)], 0.35),
    ],
)
@pytest.mark.parametrize("wanted", [{}, {"representation": "binary"}], ids=["as-built", "to-be-rebuilt"])
def test_default_fits_the_vectors_that_are_searched(
    indexes: list[VectorIndex], value: float, wanted: dict[str, Any]
) -> None:
    """Not those of settings whose index is still being built."""
    settings = GallerySettings.parse({"index": wanted})
    assert find_threshold(Gallery(), settings, indexes).value == value
