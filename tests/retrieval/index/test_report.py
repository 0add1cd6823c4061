from typing import Any

import numpy as np
import pytest

from retrieval.index.report import IndexReport, report_index, report_threshold, with_indexes
from tenants.models import Gallery, Projection, Rotation, Tenant, VectorIndex
from tenants.models.arrays import pack_floats
from tenants.scope import tenant_scope
from tests.tenants.rows import make_tenant

pytestmark = pytest.mark.django_db
FLOATS = {"representation": "float", "projection": "pca", "dims": 64}
BITS = {"representation": "binary", "projection": "none", "binarizer": "itq"}
VECTOR, SQUARE = pack_floats(np.zeros(32, np.float32)), pack_floats(np.eye(32, dtype=np.float32))


@pytest.fixture
def acme() -> Tenant:
    return make_tenant("acme")


def make_gallery(tenant: Tenant, **fields: Any) -> Gallery:
    with tenant_scope(tenant.id):
        return Gallery.objects.create(tenant=tenant, name="shelf", generation=1, **fields)


def add_index(
    gallery: Gallery, spec: dict[str, Any], *, generation: int = 1, sampled: int = 0, **fitted: int | str
) -> None:
    """An index; fitted: `projected_on` so many photos, or `rotated_on` with a `method`."""
    owner: dict[str, Any] = {"tenant_id": gallery.tenant_id, "gallery": gallery, "model": "one"}
    arrays = {"mean": VECTOR, "matrix": SQUARE}
    projection = rotation = None
    if "projected_on" in fitted:
        projection = Projection.objects.create(
            **owner, **arrays, version=1, fitted_on=fitted["projected_on"], in_dim=32, out_dim=32
        )
    if "rotated_on" in fitted:
        rotation = Rotation.objects.create(
            **owner, **arrays, version=1, fitted_on=fitted["rotated_on"], dim=32, method=fitted["method"]
        )
    in_bits = spec["representation"] != "float"
    VectorIndex.objects.create(
        **owner,
        generation=generation,
        embedders=["one"],
        stored=VectorIndex.Stored.BINARY if in_bits else VectorIndex.Stored.FLOAT,
        dim=32,
        width=32,
        sampled=sampled,
        spec=spec,
        projection=projection,
        rotation=rotation,
    )


def load(gallery: Gallery) -> Gallery:
    return with_indexes(Gallery.objects.filter(pk=gallery.pk)).get()


def report(tenant: Tenant, spec: dict[str, Any], **index: Any) -> IndexReport:
    gallery = make_gallery(tenant)
    with tenant_scope(tenant.id):
        add_index(gallery, spec, **index)
        return report_index(load(gallery))


@pytest.mark.parametrize(
    ("spec", "index", "note"),
    [
        (FLOATS, {}, "There is no projection yet: it is fitted once the gallery has 300 indexed photos"),
        (FLOATS, {"sampled": 300}, "There is no projection, since the photos do not differ."),
        (
            FLOATS,
            {"projected_on": 33},
            "64 dimensions were asked for, and the 33 photos differ on no more than 32",
        ),
        (FLOATS | {"dims": None}, {"projected_on": 33}, None),
        (FLOATS | {"dims": 32}, {"projected_on": 500}, None),
        (FLOATS | {"projection": "none"}, {}, None),
        (BITS, {}, "Bits are signs of vectors that are not centred: that takes 20 photos."),
        (
            BITS,
            {"rotated_on": 24, "method": "sign"},
            "ITQ was asked for, and 24 photos are fewer than 32 bits: sign is used.",
        ),
        (
            BITS,
            {"rotated_on": 0, "method": "sign"},
            "The model emits its codes itself, so nothing is fitted.",
        ),
        (BITS, {"rotated_on": 500, "method": "itq"}, None),
        (BITS | {"binarizer": "sign"}, {"rotated_on": 24, "method": "sign"}, None),
    ],
)
def test_report_notes_where_the_index_is_not_what_was_asked_for(
    acme: Tenant, spec: dict[str, Any], index: dict[str, Any], note: str | None
) -> None:
    (model,) = report(acme, spec, **index).models
    assert [text[: len(note or "")] for text in model.notes] == ([note] if note else [])
    assert model.projected is ("projected_on" in index)
    assert (model.binarizer is not None) is ("rotated_on" in index)


def test_report_is_of_the_searched_generation_alone(acme: Tenant) -> None:
    gallery = make_gallery(acme)
    with tenant_scope(acme.id):
        for generation, spec in ((1, FLOATS), (2, BITS)):
            add_index(gallery, spec, generation=generation)
        for seen in (gallery, load(gallery)):
            shown = report_index(seen)
            assert (shown.generation, [model.representation for model in shown.models]) == (1, ["float"])


def test_report_of_a_gallery_without_an_index_has_no_models(acme: Tenant) -> None:
    gallery = make_gallery(acme)
    with tenant_scope(acme.id):
        assert report_index(load(gallery)) == IndexReport(1, ())
        assert report_threshold(load(gallery)).origin == "default"


@pytest.mark.parametrize(
    ("settings", "origin", "value"),
    [({}, "default", None), ({"score_threshold": 0.7}, "set", 0.7), ({"score_threshold": 0}, "set", 0.0)],
)
def test_threshold_set_goes_before_the_usual_one(
    acme: Tenant, settings: dict[str, Any], origin: str, value: float | None
) -> None:
    gallery = make_gallery(acme, settings=settings)
    with tenant_scope(acme.id):
        add_index(gallery, FLOATS)
        found = report_threshold(load(gallery))
    assert found.origin == origin
    assert value is None or found.value == value


def test_usual_threshold_is_lower_for_projected_vectors_and_for_bits(acme: Tenant) -> None:
    kinds: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (FLOATS, {}),
        (FLOATS, {"projected_on": 500}),
        (BITS, {}),
    ]
    usual = []
    for number, (spec, fitted) in enumerate(kinds):
        with tenant_scope(acme.id):
            gallery = Gallery.objects.create(tenant=acme, name=f"shelf {number}", generation=1)
            add_index(gallery, spec, **fitted)
            usual.append(report_threshold(load(gallery)).value)
    assert usual == sorted(usual, reverse=True)
    assert len(set(usual)) == 3
