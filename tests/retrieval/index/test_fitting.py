"""What is fitted on a gallery, when it is fitted again, and what is kept of it."""

from typing import Any

import numpy as np
import pytest

from inference.binarizer import Binarizer
from inference.projection import Projection as Fitted
from inference.projection import fit_projection
from retrieval.index import fitting
from retrieval.index.fitting import (
    CENTRE_AT,
    FIT_AT,
    LEAST_TO_FIT,
    Fit,
    choose_dims,
    fit_model,
    is_outgrown,
    keep_fit,
)
from tenants.models import Projection, ReferenceImage, Rotation
from tenants.scope import tenant_scope
from tests.retrieval.shelf import Shelf, open_shelf
from tests.retrieval.stock import Vectors, add_products, add_stock, draw_units

pytestmark = pytest.mark.django_db

MODEL = "made"
DIM = 24
PCA = {"projection": "pca", "dims": 8, "whitening": 0.125}
ITQ = {"projection": "none", "binarizer": "itq"}
SIGN = {"projection": "none", "binarizer": "sign"}


@pytest.fixture(autouse=True)
def small_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A projection from 30 photos on, from 10 when it is asked for; a centre from 20."""
    monkeypatch.setattr(fitting, "FIT_AT", 30)
    monkeypatch.setattr(fitting, "LEAST_TO_FIT", 10)


def open_stocked(count: int, **vectors: Vectors) -> Shelf:
    shelf = open_shelf("acme", "provisioning")
    with tenant_scope(shelf.tenant.id):
        made = vectors or {MODEL: draw_units(count, DIM, 0)}
        add_stock(shelf.gallery, made, products=add_products(shelf.gallery, 1) * count)
    return shelf


def fit(shelf: Shelf, spec: dict[str, Any], *, asked: bool = False, codes: bool = False) -> Fit:
    with tenant_scope(shelf.tenant.id):
        made = fit_model(shelf.gallery, embedders=[MODEL], spec=spec, raw_dim=DIM, asked=asked, codes=codes)
        keep_fit(made)
    return made


@pytest.mark.parametrize(
    ("photos", "asked", "fitted"),
    [(0, True, False), (9, True, False), (10, True, True), (29, False, False), (30, False, True)],
)
def test_projection_is_fitted_with_enough_photos_or_on_request(
    photos: int,
    asked: bool,  # noqa: FBT001 - the table's own column
    fitted: bool,  # noqa: FBT001
) -> None:
    made = fit(open_stocked(photos), PCA, asked=asked)
    assert (made.projection is not None) is fitted
    assert (made.width, made.sampled) == (8 if fitted else DIM, photos)


def test_stored_projection_is_the_one_that_was_fitted() -> None:
    shelf = open_stocked(40)
    made = fit(shelf, {**PCA, "whitening": 0.5})
    raw = draw_units(5, DIM, 9)
    with tenant_scope(shelf.tenant.id):
        row = Projection.objects.get(gallery=shelf.gallery)
    assert made.projection == row
    assert (row.version, row.fitted_on, row.in_dim, row.out_dim) == (1, 40, DIM, 8)
    stored = Fitted(*row.arrays()).apply(raw)
    halves = draw_units(40, DIM, 0).astype(np.float16).astype(np.float32)
    expected = fit_projection(halves / np.linalg.norm(halves, axis=1, keepdims=True), dims=8, power=-0.5)
    assert np.allclose(stored, expected.apply(raw), atol=1e-5)


def test_photos_that_do_not_differ_leave_no_projection_and_say_so(caplog: pytest.LogCaptureFixture) -> None:
    same = np.repeat(draw_units(1, DIM, 0), 40, axis=0)
    made = fit(open_stocked(40, **{MODEL: same}), PCA)
    assert (made.projection, made.width, made.sampled) == (None, DIM, 40)
    assert "no projection" in caplog.text
    assert not is_outgrown(spec=PCA, sampled=made.sampled, width=made.width, photos=59), "not for ever again"


def test_photos_deleted_pending_or_unseen_are_no_ground_for_a_fit() -> None:
    shelf = open_stocked(30)
    with tenant_scope(shelf.tenant.id):
        keys = list(ReferenceImage.objects.filter(gallery=shelf.gallery).values_list("pk", flat=True))
        ReferenceImage.objects.filter(pk=keys[0]).update(deleted_at="2026-01-01T00:00Z")
        ReferenceImage.objects.filter(pk=keys[1]).update(state="pending")
        add_stock(shelf.gallery, {"other": draw_units(3, DIM, 1)}, products=[shelf.product] * 3)
    made = fit(shelf, PCA)
    assert (made.projection, made.sampled) == (None, 28)


def test_large_gallery_is_sampled_and_the_same_photos_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_MOST_VECTORS", 35)
    shelf = open_stocked(60)
    first, second = fit(shelf, PCA), fit(shelf, PCA)
    assert first.projection is not None
    assert second.projection is not None
    assert (first.projection.fitted_on, first.sampled) == (35, 60)
    assert first.projection.matrix == second.projection.matrix
    assert not is_outgrown(spec=PCA, sampled=first.sampled, width=8, photos=61), "not for ever again"


@pytest.mark.parametrize(
    ("photos", "method"), [(0, None), (CENTRE_AT - 1, None), (CENTRE_AT, "sign"), (DIM, "itq")]
)
def test_itq_with_fewer_photos_than_bits_falls_back_to_sign_and_says_so(
    photos: int, method: str | None
) -> None:
    rotation = fit(open_stocked(photos), ITQ).rotation
    if method is None:
        assert rotation is None
        return
    assert rotation is not None
    assert (rotation.method, rotation.dim, rotation.fitted_on) == (method, DIM, photos)
    assert (rotation.matrix is None) is (method == "sign")


def test_stored_rotation_is_the_one_that_was_fitted() -> None:
    shelf = open_stocked(60)
    fit(shelf, {**PCA, **ITQ, "projection": "pca"})
    with tenant_scope(shelf.tenant.id):
        row = Rotation.objects.get(gallery=shelf.gallery)
        projection = Projection.objects.get(gallery=shelf.gallery)
    mean, rotation = row.arrays()
    assert rotation is not None
    assert (row.method, row.dim) == ("itq", 8)
    assert np.allclose(rotation @ rotation.T, np.eye(8), atol=1e-5)
    projected = Fitted(*projection.arrays()).apply(draw_units(60, DIM, 0))
    assert np.allclose(projected.mean(axis=0), mean, atol=1e-3)
    codes = Binarizer(mean, rotation, "itq").encode(projected)
    assert codes.shape == (60, 1)


def test_codes_of_a_model_are_kept_as_they_are() -> None:
    """Zero-mean signs, whatever the gallery holds, and never fitted again."""
    made = fit(open_stocked(60), {**PCA, **ITQ}, asked=True, codes=True)
    assert made.projection is None
    assert made.rotation is not None
    mean, rotation = made.rotation.arrays()
    assert (made.width, made.rotation.method, made.rotation.fitted_on) == (DIM, "sign", 0)
    assert not mean.any()
    assert rotation is None


def test_versions_count_up_by_model() -> None:
    shelf = open_stocked(60)
    for version in (1, 2):
        made = fit(shelf, {**PCA, **SIGN, "projection": "pca"})
        assert made.projection is not None
        assert made.rotation is not None
        assert (made.projection.version, made.rotation.version) == (version, version)
    other = fit(open_stocked(60), PCA).projection
    assert other is not None
    assert other.version == 1


def test_fit_that_is_kept_already_is_left_as_it_is() -> None:
    shelf = open_stocked(60)
    made = fit(shelf, PCA)
    with tenant_scope(shelf.tenant.id):
        keep_fit(made)
        assert Projection.objects.filter(gallery=shelf.gallery).count() == 1


def test_joined_models_are_fitted_on_photos_that_both_have_seen() -> None:
    shelf = open_stocked(40, a=draw_units(40, DIM, 0), b=draw_units(40, 16, 1))
    with tenant_scope(shelf.tenant.id):
        add_stock(shelf.gallery, {"a": draw_units(5, DIM, 2)}, products=[shelf.product] * 5)
        made = fit_model(
            shelf.gallery, embedders=["a", "b"], spec=PCA, raw_dim=DIM + 16, asked=False, codes=False
        )
    assert made.projection is not None
    assert (made.projection.model, made.projection.in_dim, made.sampled) == ("a__b", DIM + 16, 40)


@pytest.mark.parametrize(
    ("spec", "sampled", "photos", "outgrown"),
    [
        (PCA, 0, 29, False),
        (PCA, 29, 30, True),
        (PCA, 12, 29, False),
        (PCA, 12, 30, True),
        (PCA, 30, 44, False),
        (PCA, 30, 45, True),
        ({"projection": "none"}, 30, 10_000, False),
        (SIGN, 0, 19, False),
        (SIGN, 0, 20, True),
        (SIGN, 20, 10_000, False),
        (ITQ, 20, 63, False),
        (ITQ, 20, 64, True),
        (ITQ, 64, 10_000, False),
    ],
)
def test_fit_is_outgrown_when_a_new_one_would_make_what_the_last_could_not(
    spec: dict[str, Any],
    sampled: int,
    photos: int,
    outgrown: bool,  # noqa: FBT001 - the table's own column
) -> None:
    assert is_outgrown(spec=spec, sampled=sampled, width=64, photos=photos) is outgrown


def test_dims_follow_the_number_of_photos() -> None:
    assert [choose_dims(photos) for photos in (16, 2047, 2048, 10**6)] == [128, 128, 256, 256]
    assert LEAST_TO_FIT < CENTRE_AT < FIT_AT
