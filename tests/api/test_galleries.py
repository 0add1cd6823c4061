"""A gallery's settings from its first day on, what of them is in effect, and the index that they ask for."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from jobs.models import Job
from retrieval.analysers import default_embedder
from tenants.models import Gallery
from tenants.scope import tenant_scope
from tests.api.catalog import add_product, make_gallery, upload, wait_indexed
from tests.api.photos import draw_photo
from tests.api.problems import check_problem
from tests.conftest import Shop, wait_until


def read(shop: Shop, gallery: str) -> dict[str, Any]:
    shown: dict[str, Any] = shop.http.get(f"/v1/galleries/{gallery}").json()
    return shown


def change(shop: Shop, gallery: str, **settings: object) -> httpx.Response:
    return shop.http.patch(f"/v1/galleries/{gallery}", json={"settings": settings})


def wait_for_job(shop: Shop, accepted: httpx.Response) -> dict[str, Any]:
    """The job of the answer, once it has succeeded."""
    assert accepted.status_code == 202, accepted.text
    address = accepted.headers["Location"]
    wait_until(lambda: shop.http.get(address).json()["state"] not in {"pending", "running"}, "the job ends")
    job: dict[str, Any] = shop.http.get(address).json()
    assert job["state"] == "succeeded", job
    return job


def recognise(shop: Shop, gallery: str, seed: int) -> dict[str, Any]:
    answer = shop.http.post(f"/v1/galleries/{gallery}/recognize", files={"image": draw_photo(seed)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_new_gallery_shows_settings_threshold_and_index_in_effect(acme: Shop) -> None:
    gallery = make_gallery(acme, settings={"margin": 0.1, "index": {"ef": 64}})
    shown = read(acme, gallery)
    assert (shown["settings"]["margin"], shown["settings"]["detect"]) == (0.1, True)
    assert (
        shown["settings"]["index"].items()
        >= {
            "preset": "balanced",
            "type": "HNSW",
            "ef": 64,
            "embedders": [default_embedder()],
        }.items()
    )
    assert shown["threshold"]["origin"] == "default"
    (model,) = shown["index"]["models"]
    assert (shown["index"]["generation"], model["embedders"]) == (1, [default_embedder()])
    assert (model["representation"], model["projected"], model["binarizer"]) == ("float", False, None)
    assert "no projection yet" in model["notes"][0]
    assert (shown["images"], shown["job"]) == ({"pending": 0, "indexed": 0, "failed": 0}, None)


def test_change_without_another_index_is_made_at_once(acme: Shop) -> None:
    gallery = make_gallery(acme)
    response = change(
        acme, gallery, score_threshold=0.7, rerank=[{"policy": "alpha_qe", "k": 3}], index={"ef": 32}
    )
    assert response.status_code == 200
    assert "Location" not in response.headers
    shown = read(acme, gallery)
    assert shown == {**response.json(), "images": shown["images"], "job": None}
    assert shown["threshold"] == {"value": 0.7, "origin": "set"}
    assert shown["settings"]["rerank"] == [{"policy": "alpha_qe", "k": 3}]
    assert (shown["settings"]["index"]["ef"], shown["index"]["generation"]) == (32, 1)

    renamed = acme.http.patch(f"/v1/galleries/{gallery}", json={"name": "other"}).json()
    assert (renamed["name"], renamed["settings"]) == ("other", shown["settings"])
    cleared = change(acme, gallery, score_threshold=None, rerank=None, index={"ef": None}).json()
    assert (cleared["threshold"]["origin"], cleared["settings"]["rerank"]) == ("default", [])
    assert cleared["settings"]["index"]["ef"] == 128


def test_change_of_preset_builds_another_index_whatever_was_said_before(acme: Shop) -> None:
    gallery = make_gallery(acme, settings={"index": {"ef": 64}})
    upload(acme, gallery, add_product(acme, gallery, "one"), draw_photo(1))
    wait_indexed(acme, gallery, 1)

    accepted = change(acme, gallery, index={"preset": "compact"})
    assert accepted.headers["Location"] == f"/v1/jobs/{accepted.json()['job']}"
    assert recognise(acme, gallery, 1)["answer"]["product"]["sku"] == "one"
    assert wait_for_job(acme, accepted)["kind"] == "reindex"

    shown = read(acme, gallery)
    assert "ef" not in shown["settings"]["index"]
    (model,) = shown["index"]["models"]
    assert (shown["index"]["generation"], model["representation"]) == (2, "hybrid")
    assert "not centred" in model["notes"][1]
    answer = recognise(acme, gallery, 1)
    assert (answer["answer"]["product"]["sku"], answer["index"]["generation"]) == ("one", 2)


def test_reindex_fits_a_projection_in_a_small_gallery(acme: Shop) -> None:
    gallery = make_gallery(acme, settings={"index": {"dims": 64}})
    product = add_product(acme, gallery, "one")
    upload(acme, gallery, product, *(draw_photo(seed) for seed in range(16)))
    wait_indexed(acme, gallery, 16)

    job = wait_for_job(acme, acme.http.post(f"/v1/galleries/{gallery}/reindex"))

    assert job["result"]["generation"] == 2
    (model,) = read(acme, gallery)["index"]["models"]
    assert model["projected"]
    assert model["projection"] == {"version": 1, "fitted_on": 16}
    assert model["stored_dim"] < 16
    assert "64 dimensions were asked for, and the 16 photos differ on no more" in model["notes"][0]
    assert recognise(acme, gallery, 3)["answer"]["candidates"][0]["product"]["sku"] == "one"


def test_changes_at_once_are_all_kept(acme: Shop) -> None:
    gallery = make_gallery(acme)
    wanted: dict[str, object] = {"max_regions": 3, "margin": 0.2, "vote_k": 7, "shortlist": 50}
    with ThreadPoolExecutor(len(wanted)) as pool:
        for response in pool.map(lambda one: change(acme, gallery, **dict([one])), wanted.items()):
            assert response.status_code == 200
    assert read(acme, gallery)["settings"].items() >= wanted.items()


@pytest.fixture
def unready(acme: Shop) -> tuple[Gallery, Job]:
    """A gallery that nobody has provisioned yet, and the job that is to."""
    with tenant_scope(acme.tenant.id):
        settings = {"index": {"embedders": [default_embedder()]}}
        gallery = Gallery.objects.create(tenant=acme.tenant, name=uuid.uuid4().hex, settings=settings)
        job = Job.objects.create(
            tenant=acme.tenant, gallery=gallery, kind=Job.Kind.PROVISION_GALLERY, trigger="test"
        )
    return gallery, job


def test_gallery_that_is_not_ready_answers_a_conflict_with_its_job(
    acme: Shop, unready: tuple[Gallery, Job]
) -> None:
    gallery, job = unready
    path = f"/v1/galleries/{gallery.pk}"
    shown = acme.http.get(path).json()
    assert (shown["state"], shown["job"]) == ("provisioning", str(job.pk))
    assert shown["index"] == {"generation": 0, "models": []}
    for action in ("recognize", "search", "reindex"):
        response = acme.http.post(
            f"{path}/{action}", files=None if action == "reindex" else {"image": draw_photo(1)}
        )
        check_problem(response, "gallery_not_ready")
        assert response.json()["job"] == str(job.pk)


def test_gallery_that_could_not_be_prepared_is_prepared_by_reindex(
    acme: Shop, unready: tuple[Gallery, Job]
) -> None:
    gallery, job = unready
    with tenant_scope(acme.tenant.id):
        Job.objects.filter(pk=job.pk).update(state=Job.State.FAILED)
        Gallery.objects.filter(pk=gallery.pk).update(state=Gallery.State.FAILED)
    path = f"/v1/galleries/{gallery.pk}"
    response = acme.http.post(f"{path}/recognize", files={"image": draw_photo(1)})
    check_problem(response, "gallery_not_ready")
    assert response.json()["job"] == str(job.pk)

    wait_for_job(acme, acme.http.post(f"{path}/reindex"))

    assert read(acme, str(gallery.pk))["state"] == "ready"
    assert recognise(acme, str(gallery.pk), 1)["answer"]["reason"] == "empty_gallery"
