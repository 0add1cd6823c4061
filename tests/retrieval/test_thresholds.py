"""Which threshold is in effect."""

from typing import Any

import pytest

from retrieval.settings.gallery import GallerySettings
from retrieval.thresholds import find_threshold
from tenants.models import Projection, VectorIndex


def make_index(representation: str, *, projected: bool = False) -> VectorIndex:
    index = VectorIndex(spec={"representation": representation})
    index.projection_id = Projection().pk if projected else None
    return index


@pytest.mark.parametrize(("said", "origin"), [(0.5, "set"), (0.0, "set"), (-1, "set"), (None, "default")])
def test_owners_word_comes_first(said: float | None, origin: str) -> None:
    found = find_threshold(GallerySettings.parse({"score_threshold": said}), [make_index("float")])
    assert (found.value, found.origin) == (0.85 if said is None else said, origin)


@pytest.mark.parametrize(
    ("indexes", "like"),
    [
        ([], "raw"),
        ([make_index("float"), make_index("float", projected=True)], "projected"),
        ([make_index("hybrid")], "raw"),
        ([make_index("hybrid", projected=True)], "projected"),
        ([make_index("binary")], "bits"),
        ([make_index("binary", projected=True)], "bits"),
    ],
)
@pytest.mark.parametrize("wanted", [{}, {"representation": "binary"}], ids=["as-built", "to-be-rebuilt"])
def test_default_fits_the_vectors_that_are_searched(
    indexes: list[VectorIndex], like: str, wanted: dict[str, Any]
) -> None:
    """Not those of settings whose index is still being built."""
    settings = GallerySettings.parse({"index": wanted})
    usual = {"raw": [make_index("float")], "projected": [make_index("float", projected=True)]}
    expected = usual.get(like, [make_index("binary")])
    assert find_threshold(settings, indexes) == find_threshold(settings, expected)
    defaults = [find_threshold(settings, kind).value for kind in (*usual.values(), [make_index("binary")])]
    assert defaults == sorted(defaults, reverse=True), "raw cosines are the highest, those of bits the lowest"
