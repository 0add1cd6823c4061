"""Uploads go when nobody wants them, with every file, and never under a job that reads them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.models import Job
from retrieval.photos import files
from tenants.errors import Conflict, NotFound
from tenants.models import Upload, UploadChunk
from tests.retrieval.shelf import Shelf
from tests.transfer.uploads.conftest import list_chunk_files
from tests.transfer.uploads.sending import begin, make_bytes, send, send_all
from transfer.uploads import expiry
from transfer.uploads.expiry import (
    discard_upload,
    keep_upload,
    remove_expired,
    tenants_with_expired_uploads,
)
from transfer.uploads.lookup import get_upload, list_uploads
from transfer.uploads.reading import open_upload

DATA = make_bytes(2500)


class Killed(BaseException):
    """The process ends here."""


def age(upload: Upload) -> None:
    """Let its time be over."""
    Upload.objects.filter(pk=upload.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def make_import(shop: Shelf, upload: Upload, state: str) -> Job:
    given = {"upload": str(upload.pk)}
    return Job.objects.create(
        tenant=shop.tenant, gallery=shop.gallery, kind=Job.Kind.IMPORT, trigger="t", state=state, input=given
    )


def test_upload_is_kept_for_a_week_after_its_last_use(shop: Shelf) -> None:
    upload = begin(DATA)
    week = timedelta(days=7)
    assert week - timedelta(minutes=1) < upload.expires_at - timezone.now() <= week
    assert send(upload, DATA, 0, 1000).expires_at > upload.expires_at


def test_expired_upload_is_gone_at_once_and_removed_whole(shop: Shelf) -> None:
    kept, expired, unfinished = send_all(DATA), send_all(DATA), send(begin(DATA), DATA, 0, 1000)
    age(expired)
    age(unfinished)
    with pytest.raises(NotFound) as gone:
        get_upload(expired.pk)
    assert gone.value.code == "upload_not_found"
    assert list(list_uploads()) == [kept]
    assert shop.tenant.id in tenants_with_expired_uploads()

    remove_expired()

    assert list(Upload.objects.all()) == [kept]
    stored = {path.name for path in list_chunk_files(shop)}
    assert stored == {chunk.file.rpartition("/")[2] for chunk in UploadChunk.objects.all()}
    assert shop.tenant.id not in tenants_with_expired_uploads()


def test_file_without_a_row_goes_with_its_upload(shop: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(*_args: object, **_kwargs: object) -> None:
        raise Killed

    upload = send(begin(DATA), DATA, 0, 1000)
    with monkeypatch.context() as patch:
        patch.setattr(UploadChunk.objects, "create", kill)
        with pytest.raises(Killed):
            send(upload, DATA, 1000, 2000)
    assert len(list_chunk_files(shop)) == 2
    age(upload)
    remove_expired()
    assert list_chunk_files(shop) == []


@pytest.mark.parametrize("state", ["pending", "running"])
def test_upload_that_an_unfinished_job_reads_stays(shop: Shelf, state: str) -> None:
    upload = send_all(DATA)
    job = make_import(shop, upload, state)
    with pytest.raises(Conflict) as refused:
        discard_upload(upload=upload)
    assert refused.value.code == "upload_in_use"
    age(upload)
    remove_expired()
    assert shop.tenant.id not in tenants_with_expired_uploads()
    with open_upload(get_upload(upload.pk)) as file:
        assert file.read() == DATA
    with pytest.raises(NotFound):
        keep_upload(upload.pk)
    Job.objects.filter(pk=job.pk).update(state="succeeded")
    remove_expired()
    assert not Upload.objects.exists()
    assert list_chunk_files(shop) == []


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_removal_killed_anywhere_is_done_by_the_next_one(
    shop: Shelf, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    upload = send_all(DATA, 1000)
    age(upload)
    left = [calls]
    delete = files.delete_file

    def delete_some(name: str) -> None:
        delete(name)
        left[0] -= 1
        if not left[0]:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(expiry, "delete_file", delete_some)
        with pytest.raises(Killed):
            remove_expired()
    assert Upload.objects.exists()
    remove_expired()
    assert not Upload.objects.exists()
    assert list_chunk_files(shop) == []


def test_discarded_upload_takes_no_chunk_and_no_import(shop: Shelf) -> None:
    upload = send(begin(DATA), DATA, 0, 1000)
    discard_upload(upload=upload)
    with pytest.raises(NotFound):
        send(upload, DATA, 1000, 2000)
    with pytest.raises(NotFound):
        keep_upload(upload.pk)


def test_use_puts_off_the_end(shop: Shelf) -> None:
    upload = send_all(DATA)
    keep_upload(upload.pk)
    assert get_upload(upload.pk).expires_at > upload.expires_at
