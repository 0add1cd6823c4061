"""Thresholds that galleries find from themselves."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from jobs.models import Job
from retrieval.index.store import VectorStore
from retrieval.quality.calibrating import apply_calibration, run_calibration, start_calibration
from retrieval.quality.calibration import calibrate
from tenants.errors import Conflict
from tenants.models import Calibration, Exemplar, Gallery, Region
from tests.retrieval.quality.clusters import (
    ClusteredGallery,
    add_gallery_exemplar,
    clustered_gallery,
    draw_around,
    draw_centres,
)
from tests.retrieval.quality.conftest import PHOTOS
from tests.retrieval.shelf import take_up


@pytest.fixture(autouse=True)
def untouched(made: ClusteredGallery) -> Iterator[None]:
    yield
    Exemplar.objects.all().delete()
    Calibration.objects.all().delete()
    Gallery.objects.filter(pk=made.gallery.pk).update(generation=1, settings=made.gallery.settings)


def run(made: ClusteredGallery, false_accept_rate: float | None = None) -> Calibration:
    job = start_calibration(gallery=made.gallery, false_accept_rate=false_accept_rate, trigger="test")
    job = take_up(job)
    run_calibration(job)
    return Calibration.objects.get(pk=job.result["calibration"])


def test_calibration_asks_each_photo_for_its_product_and_as_a_stranger(made: ClusteredGallery) -> None:
    index, settings = made.open()
    told: list[tuple[int, int]] = []
    result = calibrate(
        index, settings, false_accept_rate=0.05, tell=lambda done, total: told.append((done, total))
    )
    assert result.genuine == 12 * 4 + 6 * 2
    assert result.impostors == sum(PHOTOS)
    assert told == [(sum(PHOTOS), sum(PHOTOS))]
    assert result.threshold is not None
    assert result.false_accepts is not None
    assert result.false_accepts <= 0.05
    assert result.genuine_accepts is not None
    assert result.genuine_accepts > 0.9


def test_calibration_scores_are_cosines_of_the_right_photos(
    store: VectorStore, made: ClusteredGallery
) -> None:
    """Worked out from the vectors: best cosine to the own product's others, and to other products'."""
    index, settings = made.open()
    settings = replace(settings, grouping="max")
    result = calibrate(index, settings, false_accept_rate=0.05)
    keys = sorted(Region.objects.values_list("pk", flat=True))
    _, vectors = index.load(keys)
    owners = np.repeat(np.arange(len(PHOTOS)), PHOTOS)
    cosines = vectors @ vectors.T
    same = owners[:, None] == owners[None, :]
    impostors = np.where(same, -9, cosines).max(axis=1)
    same &= ~np.eye(len(same), dtype=bool)
    genuine = np.where(same, cosines, -9).max(axis=1)[same.any(axis=1)]
    assert result.curve is not None
    for threshold, right, wrong in zip(
        result.curve.thresholds, result.curve.genuine_accepts, result.curve.false_accepts, strict=True
    ):
        near = np.abs(np.concatenate([genuine, impostors]) - threshold) < 1e-4
        slack = near.sum() / len(genuine) + 1e-9
        assert abs((genuine >= threshold).mean() - right) <= slack
        assert abs((impostors >= threshold).mean() - wrong) <= slack


def test_distractors_and_queries_of_no_product_are_impostors(made: ClusteredGallery) -> None:
    index, settings = made.open()
    before = calibrate(index, settings, false_accept_rate=0.05)
    for seed in range(5):
        add_gallery_exemplar(made.gallery, draw_centres(1, seed + 40))
        add_gallery_exemplar(made.gallery, draw_centres(2, seed + 50), role=Exemplar.Role.QUERY, sku="")
        near = draw_around(made.centres[:1], 0.4, seed)
        add_gallery_exemplar(made.gallery, near, role=Exemplar.Role.QUERY, sku="sku-0000")
    after = calibrate(index, settings, false_accept_rate=0.05)
    assert (after.genuine - before.genuine, after.impostors - before.impostors) == (5, 10)


def test_calibration_is_a_suggestion_until_it_is_applied(made: ClusteredGallery) -> None:
    calibration = run(made)
    gallery = Gallery.objects.get(pk=made.gallery.pk)
    assert "score_threshold" not in gallery.settings
    assert calibration.false_accept_rate == 0.05
    assert (calibration.generation, calibration.embedders) == (1, ["made"])
    assert calibration.settings["index"]["preset"] == "exact"
    assert 2 <= len(calibration.result["curve"]) <= 200


def test_calibration_takes_the_rate_that_is_asked_for(made: ClusteredGallery) -> None:
    strict, lax = run(made, 0.0), run(made, 0.5)
    assert strict.result["false_accepts"] == 0
    assert strict.threshold is not None
    assert lax.threshold is not None
    assert strict.threshold > lax.threshold


def test_apply_sets_the_gallerys_own_threshold(made: ClusteredGallery) -> None:
    calibration = run(made)
    gallery = apply_calibration(calibration=calibration)
    assert gallery.settings["score_threshold"] == calibration.threshold
    assert gallery.settings["index"] == made.gallery.settings["index"]


def test_threshold_of_an_index_that_was_replaced_is_not_applied(made: ClusteredGallery) -> None:
    calibration = run(made)
    Gallery.objects.filter(pk=made.gallery.pk).update(generation=2)
    with pytest.raises(Conflict, match="rebuilt") as refused:
        apply_calibration(calibration=calibration)
    assert refused.value.code == "calibration_outdated"


def test_gallery_with_too_little_data_says_so_and_keeps_its_threshold(
    store: VectorStore, made: ClusteredGallery
) -> None:
    with clustered_gallery(store, photos=[2] * 5, name="small") as small:
        calibration = run(small)
        assert calibration.threshold is None
        assert "20 more genuine scores" in calibration.message
        assert "40 more impostor scores" in calibration.message
        with pytest.raises(Conflict) as refused:
            apply_calibration(calibration=calibration)
        assert refused.value.code == "calibration_without_threshold"


def test_empty_and_unready_galleries_are_not_calibrated(store: VectorStore, made: ClusteredGallery) -> None:
    with clustered_gallery(store, photos=[0], name="empty") as empty:
        with pytest.raises(Conflict) as refused:
            start_calibration(gallery=empty.gallery, false_accept_rate=None, trigger="test")
        assert refused.value.code == "gallery_empty"
        empty.gallery.state = Gallery.State.PROVISIONING
        with pytest.raises(Conflict) as refused:
            start_calibration(gallery=empty.gallery, false_accept_rate=None, trigger="test")
        assert refused.value.code == "gallery_not_ready"
        assert not Job.objects.exists()


def test_calibration_of_a_gallery_deleted_meanwhile_leaves_nothing(made: ClusteredGallery) -> None:
    job = start_calibration(gallery=made.gallery, false_accept_rate=None, trigger="test")
    Gallery.objects.filter(pk=made.gallery.pk).update(deleted_at=made.gallery.created_at)
    run_calibration(take_up(job))
    Gallery.objects.filter(pk=made.gallery.pk).update(deleted_at=None)
    assert not Calibration.objects.exists()
