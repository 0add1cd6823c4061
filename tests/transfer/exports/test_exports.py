"""A gallery out into an archive and back in, whatever happens to the worker meanwhile."""

import hashlib
import io
import json
import random
import tracemalloc
import zipfile
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from PIL import Image
from pytest_django import Settings

from jobs.cancelling import cancel_job
from jobs.errors import JobCancelled
from jobs.models import Job
from jobs.progress import run_job
from retrieval.index.store import VectorStore
from retrieval.photos import files
from tenants.domain.galleries import hide_gallery
from tenants.domain.products import create_product
from tenants.errors import Conflict, NotFound, StorageAway
from tenants.models import Product, ReferenceImage, Upload
from tests.api.photos import draw_photo
from tests.retrieval.moments import Killed, act_after, act_before, kill
from tests.retrieval.shelf import Shelf, add_bytes, drop_collections_of
from tests.transfer.exports.stalls import (
    BARE,
    BOX,
    ask_export,
    describe_photos,
    describe_products,
    describe_regions,
    import_upload,
    list_known_files,
    list_upload_files,
    on,
    open_beside,
    run_slice,
    search,
    stocked_stall,
)
from transfer.exports import draft as drafts
from transfer.exports import growing, running
from transfer.exports.cancelling import cancel_export
from transfer.exports.growing import GrowingFile
from transfer.exports.opening import open_export
from transfer.exports.starting import start_export
from transfer.uploads.expiry import discard_upload, expire_upload
from transfer.uploads.receiving import append_chunk


@pytest.fixture(scope="module")
def stall(rows: None, store: VectorStore) -> Iterator[Shelf]:
    with stocked_stall(store) as shelf:
        yield shelf


@pytest.fixture(autouse=True)
def small_chunks(settings: Settings) -> None:
    """A photo or two fill a chunk."""
    settings.UPLOAD_CHUNK_BYTES = 10_000


def export(shelf: Shelf) -> Job:
    return run_slice(ask_export(shelf))


def read_archive(job: Job) -> zipfile.ZipFile:
    name, size, file = open_export(job)
    with file:
        data = file.read()
    assert (name, size) == ("shelf.zip", len(data))
    return zipfile.ZipFile(io.BytesIO(data))


def read_manifest(job: Job) -> list[dict[str, Any]]:
    with read_archive(job) as archive:
        return [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]


def test_export_holds_every_photo_but_those_that_failed_or_were_deleted(stall: Shelf) -> None:
    job = export(stall)
    assert (job.state, job.total, job.done, job.failed, job.skipped) == ("succeeded", 5, 5, 0, 1)
    upload = Upload.objects.get(pk=job.result["upload"])
    assert job.result == {
        "upload": str(upload.pk),
        "filename": "shelf.zip",
        "size": upload.size,
        "photos": 5,
        "products": 3,
        "failed_photos": 1,
        "lost_photos": 0,
    }
    with read_archive(job) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        rows = [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]
        placed = [row["image"] for row in rows if row["image"]]
        photos = {hashlib.sha256(archive.read(place)).hexdigest() for place in placed}
        about = json.loads(archive.read("gallery.json"))
    assert photos == {row[1] for row in describe_photos(stall.gallery)}
    assert about["name"] == "shelf"
    assert about["settings"] == stall.gallery.settings
    assert [row["sku"] for row in rows if not row["image"]] == [BARE]
    (boxed,) = [row for row in rows if "box" in row]
    assert boxed == {
        "sku": "Größe 42/blau",
        "title": 'Schuh "Ü", blau',
        "category": "shoes",
        "attributes": {"colour": "blue", "sizes": [41, 42], "nested": {"deep": None}},
        "style_of": "one",
        "score_threshold": 0.25,
        "image": "photos/00000003/a.png",
        "box": BOX,
    }


def test_exported_gallery_is_imported_as_the_same_gallery(stall: Shelf, store: VectorStore) -> None:
    job = export(stall)
    copy = open_beside(stall, store)
    # Near copies are left out of an import unless it is told otherwise; the gallery has one.
    imported = import_upload(copy, UUID(job.result["upload"]), near_duplicates=None)

    assert (imported.state, imported.done, imported.failed, imported.skipped) == ("succeeded", 6, 0, 0)
    assert imported.result == {"created": 3, "updated": 0, "problems": []}
    assert describe_products(copy) == describe_products(stall.gallery)
    assert describe_photos(copy) == describe_photos(stall.gallery)
    assert describe_regions(copy) == describe_regions(stall.gallery)
    for seed in (1, 3, 4):
        found = search(copy, seed)
        assert len(found) == 5
        assert found == search(stall.gallery, seed)
    drop_collections_of(Shelf(stall.tenant, copy, stall.product), store)


def test_photo_that_had_metadata_is_known_again_in_its_own_export(stall: Shelf, store: VectorStore) -> None:
    gallery = open_beside(stall, store)
    shelf = Shelf(stall.tenant, gallery, create_product(gallery=gallery, sku="one"))
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    photo = draw_photo(21, image_format="JPEG")
    buffer = io.BytesIO()
    Image.open(io.BytesIO(photo)).save(buffer, "JPEG", quality="keep", exif=exif)
    added = add_bytes(shelf, buffer.getvalue())
    assert b"at home" in buffer.getvalue()

    job = run_slice(start_export(gallery=gallery, trigger="test"))
    with open_export(job)[2] as file, zipfile.ZipFile(io.BytesIO(file.read())) as archive:
        (stored,) = (archive.read(name) for name in archive.namelist() if name.startswith("photos/"))
    imported = import_upload(gallery, UUID(job.result["upload"]))

    assert b"at home" not in stored
    assert hashlib.sha256(stored).hexdigest() == added.sha256
    assert (imported.state, imported.done, imported.skipped) == ("succeeded", 0, 1)
    assert len(describe_photos(gallery)) == 1


def test_gallery_without_any_photo_comes_back(stall: Shelf, store: VectorStore) -> None:
    first, second = (open_beside(stall, store) for _ in range(2))
    style = create_product(gallery=first, sku="z", title="Style")
    create_product(gallery=first, sku="a", category="new", attributes={"size": 4}, style_of=style)

    job = run_slice(start_export(gallery=first, trigger="test"))
    imported = import_upload(second, UUID(job.result["upload"]), mode="replace")

    assert (job.state, job.result["photos"], job.result["products"]) == ("succeeded", 0, 2)
    assert (imported.state, imported.done, imported.failed) == ("succeeded", 2, 0)
    assert describe_products(second) == describe_products(first)
    assert describe_photos(second) == []
    for gallery in (first, second):
        drop_collections_of(Shelf(stall.tenant, gallery, stall.product), store)


def test_archive_of_an_export_takes_no_chunks(stall: Shelf, settings: Settings) -> None:
    whole = Upload.objects.get(pk=export(stall).result["upload"])
    settings.INDEX_SLICE_S = -1
    job = run_slice(ask_export(stall))
    archive, ledger = (Upload.objects.get(pk=job.input[name]) for name in ("archive", "ledger"))
    for upload in (whole, archive, ledger):
        assert upload.kind == "export"
        digest = hashlib.sha256(b"x").hexdigest()
        with pytest.raises(Conflict) as refused:
            append_chunk(upload=upload, offset=upload.received, sha256=digest, data=b"x")
        assert refused.value.code == "upload_closed"
        received = upload.received
        upload.refresh_from_db()
        assert upload.received == received
    settings.INDEX_SLICE_S = 60
    run_slice(job)


def test_two_exports_of_an_unchanged_gallery_are_the_same_to_the_byte(stall: Shelf) -> None:
    digests = set()
    for _ in range(2):
        _, _, file = open_export(export(stall))
        with file:
            digests.add(hashlib.sha256(file.read()).hexdigest())
    assert len(digests) == 1


KILLS = [
    (running, "read_file", act_after),
    (growing, "store_chunk", act_before),
    (growing, "store_chunk", act_after),
    (GrowingFile, "flush", act_after),
    (drafts, "report_progress", act_before),
    (drafts, "make_directory", act_before),
    (GrowingFile, "finish", act_before),
    (GrowingFile, "finish", act_after),
    (running, "discard_drafts", act_before),
    (running, "discard_drafts", act_after),
]


def test_export_that_is_killed_at_every_step_is_whole_in_the_end_and_leaves_no_orphan(
    stall: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = read_manifest(export(stall))
    job = ask_export(stall)
    for owner, name, act in KILLS:
        with monkeypatch.context() as patch:
            act(patch, owner, name, kill)
            with pytest.raises(Killed):
                run_slice(job)
        assert Job.objects.get(pk=job.pk).state == "running"
    ended = run_slice(job)

    assert (ended.state, ended.done, ended.total) == ("succeeded", 5, 5)
    assert read_manifest(ended) == wanted
    assert list_upload_files(stall, django_settings.MEDIA_ROOT) == list_known_files()
    assert not Upload.objects.filter(filename__endswith=".ledger").exists()


def test_memory_stays_flat_however_large_the_archive_is(stall: Shelf, settings: Settings) -> None:
    settings.UPLOAD_CHUNK_BYTES = 2**20
    photo = add_bytes(stall, random.Random(0).randbytes(2**20))
    owner = {"tenant": stall.tenant, "gallery": stall.gallery, "product": stall.product, "file": photo.file}
    many = ReferenceImage.objects.bulk_create(
        ReferenceImage(**owner, size=photo.size, sha256=f"many-{number}") for number in range(60)
    )
    tracemalloc.start()
    job = export(stall)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert job.result["size"] > 60 * 2**20
    assert peak < 12 * 2**20
    ReferenceImage.objects.filter(pk__in=[photo.pk, *(row.pk for row in many)]).delete()
    files.delete_file(photo.file)


def test_export_of_many_slices_goes_on_where_it_was(stall: Shelf, settings: Settings) -> None:
    wanted = read_manifest(export(stall))
    settings.INDEX_SLICE_S = -1
    job = ask_export(stall)
    told = []
    for _ in range(5):
        job = run_slice(job)
        told.append((job.state, job.done, job.total))
        with pytest.raises(Conflict) as refused:
            open_export(job)
        assert refused.value.code == "archive_not_ready"
    assert told == [("pending", done, 5) for done in range(1, 6)]
    assert read_manifest(run_slice(job)) == wanted


def test_draft_cannot_be_imported_or_read_before_it_is_whole(stall: Shelf, settings: Settings) -> None:
    settings.INDEX_SLICE_S = -1
    job = run_slice(ask_export(stall))
    upload = Upload.objects.get(pk=job.input["archive"])
    assert upload.completed_at is None
    assert upload.received < upload.size
    with pytest.raises(Conflict) as refused:
        discard_upload(upload=upload)
    assert refused.value.code == "upload_in_use"
    cancel_export(job)


def test_export_cancelled_between_its_slices_leaves_nothing(stall: Shelf, settings: Settings) -> None:
    before = list_upload_files(stall, django_settings.MEDIA_ROOT)
    settings.INDEX_SLICE_S = -1
    job = run_slice(ask_export(stall))
    assert list_upload_files(stall, django_settings.MEDIA_ROOT) != before
    ended = cancel_export(job)
    assert ended.state == "cancelled"
    assert not Upload.objects.filter(pk__in=[ended.input["archive"], ended.input["ledger"]]).exists()
    assert list_upload_files(stall, django_settings.MEDIA_ROOT) == before == list_known_files()


def test_cancelled_export_leaves_nothing(stall: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    before = list_upload_files(stall, django_settings.MEDIA_ROOT)
    job = ask_export(stall)
    act_before(monkeypatch, GrowingFile, "flush", lambda: _cancel_once(job))
    ended = run_slice(job)
    assert (ended.state, ended.result) == ("cancelled", {})
    assert not Upload.objects.filter(pk__in=[ended.input["archive"], ended.input["ledger"]]).exists()
    assert list_upload_files(stall, django_settings.MEDIA_ROOT) == before == list_known_files()


def _cancel_once(job: Job) -> None:
    if Job.objects.get(pk=job.pk).state == "running":
        cancel_job(job)


def test_storage_that_is_away_puts_the_export_back_and_nothing_is_lost(
    stall: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> str:
        raise StorageAway("The file storage did not take the file.")

    job = ask_export(stall)
    with monkeypatch.context() as patch:
        patch.setattr(growing, "store_chunk", fail)
        waiting = run_slice(job)
    assert (waiting.state, waiting.code) == ("pending", "storage_away")
    assert run_slice(job).done == 5


def test_lost_file_is_counted_and_its_product_is_kept(stall: Shelf) -> None:
    product = create_product(gallery=stall.gallery, sku="lost", title="Lost")
    image = add_bytes(on(stall, product), draw_photo(20))
    files.delete_file(image.file)
    job = export(stall)
    assert (job.state, job.done, job.failed, job.result["lost_photos"]) == ("succeeded", 5, 1, 1)
    (row,) = [row for row in read_manifest(job) if row["sku"] == "lost"]
    assert (row["title"], row["image"]) == ("Lost", "")
    ReferenceImage.objects.filter(pk=image.pk).delete()
    Product.objects.filter(pk=product.pk).delete()


def test_products_without_photos_and_photos_that_wait_are_exported(stall: Shelf) -> None:
    bare = create_product(gallery=stall.gallery, sku="bare", category="none yet")
    waiting = create_product(gallery=stall.gallery, sku="waiting")
    image = add_bytes(on(stall, waiting), draw_photo(21))
    rows = {row["sku"]: row for row in read_manifest(export(stall))}
    assert (rows["bare"]["category"], rows["bare"]["image"]) == ("none yet", "")
    assert rows["waiting"]["image"].endswith("/a.png")
    files.delete_file(image.file)
    ReferenceImage.objects.filter(pk=image.pk).delete()
    Product.objects.filter(pk__in=[bare.pk, waiting.pk]).delete()


@pytest.mark.parametrize("name", ["..", "a\x01b.png", "C:\\x.png", "-rf.png", "x" * 200 + ".png", ".png"])
def test_file_names_that_are_not_plain_are_replaced(stall: Shelf, name: str) -> None:
    image = ReferenceImage.objects.filter(gallery=stall.gallery, state="indexed").order_by("pk")[0]
    ReferenceImage.objects.filter(pk=image.pk).update(filename=name)
    assert read_manifest(export(stall))[0]["image"] == "photos/00000001/photo.png"
    ReferenceImage.objects.filter(pk=image.pk).update(filename=image.filename)


def test_export_that_is_asked_for_twice_is_one_job(stall: Shelf) -> None:
    job = ask_export(stall)
    assert start_export(gallery=stall.gallery, trigger="test").pk == job.pk
    run_slice(job)
    assert start_export(gallery=stall.gallery, trigger="test").pk != job.pk
    cancel_job(start_export(gallery=stall.gallery, trigger="test"))


def test_archive_that_has_expired_is_not_found(stall: Shelf) -> None:
    job = export(stall)
    expire_upload(Upload.objects.get(pk=job.result["upload"]))
    with pytest.raises(NotFound) as refused:
        open_export(job)
    assert refused.value.code == "upload_not_found"


def test_job_of_another_kind_has_no_archive(stall: Shelf) -> None:
    job = Job.objects.create(tenant=stall.tenant, kind=Job.Kind.REINDEX, trigger="test", state="succeeded")
    with pytest.raises(NotFound) as refused:
        open_export(job)
    assert refused.value.code == "archive_not_found"


def test_export_of_a_gallery_that_is_deleted_meanwhile_fails_and_leaves_nothing(
    stall: Shelf, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INDEX_SLICE_S = -1
    job = run_slice(ask_export(stall))
    assert job.state == "pending"
    hide_gallery(gallery=stall.gallery)
    ended = run_slice(job)
    stall.gallery.deleted_at = None
    stall.gallery.save()
    assert (ended.state, ended.code) == ("failed", "gallery_not_found")
    assert list_upload_files(stall, django_settings.MEDIA_ROOT) == list_known_files()


def test_export_whose_job_is_gone_stops_as_a_cancelled_one_does(
    stall: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask_export(stall)
    act_before(monkeypatch, drafts, "report_progress", lambda: Job.objects.filter(pk=job.pk).delete())
    with run_job(job.pk) as claimed:
        assert claimed is not None
        with pytest.raises(JobCancelled):
            running.run_export(claimed)
    assert list_upload_files(stall, django_settings.MEDIA_ROOT) == list_known_files()
