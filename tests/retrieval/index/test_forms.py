"""What becomes of raw vectors: joined, projected, made into bits."""

import uuid
from typing import Any

import numpy as np
import pytest

from inference.binarizer import Binarizer, find_hamming, fit_binarizer
from inference.projection import fit_projection
from retrieval.index.fitting import Fit, fit_model, keep_fit
from retrieval.index.forms import Codes, Form, form_of, make_form
from tenants.models import VectorIndex
from tenants.scope import tenant_scope
from tests.retrieval.shelf import Shelf, open_shelf
from tests.retrieval.stock import Vectors, add_products, add_stock, draw_units

DIM = 24


def lengths(vectors: Vectors) -> Vectors:
    return np.asarray(np.linalg.norm(vectors, axis=1), np.float32)


def store_codes(form: Form, compared: Vectors) -> Codes:
    """What a form of bits stores."""
    return np.asarray(form.store(compared), np.uint8)


def test_identity_leaves_a_models_vectors_as_they_are() -> None:
    raw = draw_units(5, DIM, 0)
    form = Form(("a",), DIM, None, None)
    assert np.allclose(form.compare({"a": raw}), raw, atol=1e-6)
    assert form.store(raw) is raw


def test_joined_vectors_have_the_mean_of_the_models_cosines() -> None:
    a, b = draw_units(6, DIM, 0), draw_units(6, 10, 1)
    joined = Form(("a", "b"), DIM + 10, None, None).compare({"b": b, "a": a})
    assert joined.dtype == np.float32
    assert np.allclose(joined @ joined.T, (a @ a.T + b @ b.T) / 2, atol=1e-6)


@pytest.mark.parametrize("method", ["sign", "itq"])
def test_codes_are_compared_by_cosines_that_tell_the_differing_bits(method: Any) -> None:
    raw = draw_units(80, DIM, 0)
    binarizer = fit_binarizer(raw, method=method)
    form = Form(("a",), DIM, None, binarizer)

    compared = form.compare({"a": raw})
    stored = store_codes(form, compared)

    assert stored.dtype == form.store(compared).dtype
    assert np.array_equal(stored, binarizer.encode(raw))
    assert np.allclose(compared @ compared.T, 1 - 2 * find_hamming(stored, stored) / DIM, atol=1e-5)


def test_hybrid_compares_floats_and_stores_their_codes() -> None:
    raw = draw_units(80, DIM, 0)
    projection = fit_projection(raw, dims=16)
    binarizer = fit_binarizer(projection.apply(raw), method="itq")
    form = Form(("a",), 16, projection, binarizer, rescored=True)

    compared = form.compare({"a": raw})

    assert np.allclose(compared, projection.apply(raw), atol=1e-6)
    assert np.array_equal(form.store(compared), binarizer.encode(projection.apply(raw)))


def test_codes_that_fill_no_byte_are_packed_from_the_first_bit_on() -> None:
    raw = draw_units(3, 11, 0)
    form = Form(("a",), 11, None, Binarizer(np.zeros(11, np.float32), None, "sign"))
    stored = store_codes(form, form.compare({"a": raw}))
    assert stored.shape == (3, 2)
    assert np.array_equal(np.unpackbits(stored, axis=1)[:, :11].astype(bool), raw > 0)
    assert not np.unpackbits(stored, axis=1)[:, 11:].any()


@pytest.mark.parametrize("rescored", [False, True])
def test_averaged_vectors_of_an_expanded_query_can_be_stored(rescored: bool) -> None:  # noqa: FBT001
    """Query expansion searches again with the mean of compared vectors; their signs are its code."""
    raw = draw_units(40, DIM, 0)
    form = Form(("a",), DIM, None, fit_binarizer(raw, method="sign"), rescored=rescored)
    mean = form.compare({"a": raw})[:3].mean(axis=0, keepdims=True).astype(np.float32)
    assert form.store(mean).shape == (1, DIM // 8)


def test_zero_mean_signs_give_a_models_own_bits_back() -> None:
    bits = np.random.default_rng(0).integers(0, 2, (5, 32)).astype(np.uint8)
    emitted = ((bits.astype(np.float32) * 2 - 1) / np.sqrt(32)).astype(np.float32)
    form = Form(("a",), 32, None, Binarizer(np.zeros(32, np.float32), None, "sign"))
    assert np.array_equal(form.store(form.compare({"a": emitted})), np.packbits(bits, axis=1))


def make_index(shelf: Shelf, fit: Fit, *, representation: str) -> VectorIndex:
    binary = representation != "float"
    return VectorIndex.objects.create(
        tenant=shelf.tenant,
        gallery=shelf.gallery,
        generation=1,
        model="made",
        embedders=["made"],
        stored="binary" if binary else "float",
        dim=fit.width,
        width=fit.width,
        spec={"representation": representation},
        projection=fit.projection,
        rotation=fit.rotation,
    )


@pytest.mark.django_db
@pytest.mark.parametrize("representation", ["float", "binary", "hybrid"])
def test_form_of_an_index_is_what_its_artefacts_describe(representation: str) -> None:
    shelf = open_shelf("acme", "provisioning")
    spec = {"projection": "pca", "dims": 16, "whitening": 0.25, "binarizer": "itq"}
    raw = draw_units(60, DIM, 0)
    with tenant_scope(shelf.tenant.id):
        add_stock(shelf.gallery, {"made": raw}, products=add_products(shelf.gallery, 60))
        fit = fit_model(shelf.gallery, embedders=["made"], spec=spec, raw_dim=DIM, asked=True, codes=False)
        keep_fit(fit)
        form = form_of(make_index(shelf, fit, representation=representation))
    assert (form.width, form.rescored) == (16, representation == "hybrid")
    compared = form.compare({"made": raw})
    assert np.allclose(lengths(compared), 1, atol=1e-5)
    assert form.store(compared).shape == ((60, 16) if representation == "float" else (60, 2))


@pytest.mark.django_db
def test_binary_index_of_a_young_gallery_takes_signs_of_uncentred_vectors() -> None:
    shelf = open_shelf("acme", "provisioning")
    with tenant_scope(shelf.tenant.id):
        form = make_form(make_index(shelf, Fit(None, None, DIM, 0), representation="binary"))
    raw = np.abs(draw_units(4, DIM, 0))
    bits = np.unpackbits(store_codes(form, form.compare({"made": raw})), axis=1)
    assert np.array_equal(bits.astype(bool), raw > raw.mean(axis=1, keepdims=True))


@pytest.mark.django_db
def test_forms_of_two_tenants_are_two() -> None:
    """They are remembered by index, whose id belongs to one tenant."""
    forms = []
    for name, seed in (("acme", 0), ("globex", 1)):
        shelf = open_shelf(name, "provisioning")
        with tenant_scope(shelf.tenant.id):
            add_stock(
                shelf.gallery,
                {"made": draw_units(60, DIM, seed)},
                products=add_products(shelf.gallery, 60),
            )
            spec = {"projection": "pca", "dims": 16, "whitening": 0.25}
            fit = fit_model(
                shelf.gallery, embedders=["made"], spec=spec, raw_dim=DIM, asked=True, codes=False
            )
            keep_fit(fit)
            index = make_index(shelf, fit, representation="float")
            forms.append(form_of(index))
            assert form_of(index) is forms[-1]
    raw = {"made": draw_units(4, DIM, 7)}
    assert not np.allclose(forms[0].compare(raw), forms[1].compare(raw), atol=0.1)
    with tenant_scope(uuid.uuid4()), pytest.raises(VectorIndex.DoesNotExist):
        form_of(VectorIndex(id=uuid.uuid4()))
