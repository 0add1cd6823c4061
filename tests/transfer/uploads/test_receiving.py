"""Chunks come once, whole and in order, whatever is sent twice or cut short."""

from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from pytest_django import Settings

from tenants.errors import Conflict, NotFound, StorageAway
from tenants.models import Upload, UploadChunk
from tests.retrieval.shelf import Shelf, run_together
from tests.transfer.uploads.conftest import list_chunk_files
from tests.transfer.uploads.sending import begin, hash_bytes, make_bytes, send, send_all
from transfer.uploads import receiving
from transfer.uploads.errors import UploadRefused
from transfer.uploads.reading import open_upload
from transfer.uploads.receiving import append_chunk, create_upload, store_upload

DATA = make_bytes(2500)


class Killed(BaseException):
    """The process ends here."""


def read_back(upload: Upload) -> bytes:
    with open_upload(upload) as file:
        return file.read()


def test_chunks_in_order_make_the_file(shop: Shelf) -> None:
    upload = begin(DATA, sha256=hash_bytes(DATA))
    received = []
    for start in range(0, 2500, 1000):
        upload = send(upload, DATA, start, start + 1000)
        received.append((upload.received, upload.completed_at is not None))
    assert received == [(1000, False), (2000, False), (2500, True)]
    assert read_back(upload) == DATA
    assert len(list_chunk_files(shop)) == 3
    assert all(str(shop.tenant.id) in chunk.file for chunk in UploadChunk.objects.filter(upload=upload))


@pytest.mark.parametrize("offset", [0, 500, 1500, 2000])
def test_wrong_offset_is_refused_with_the_right_one(shop: Shelf, offset: int) -> None:
    upload = begin(DATA)
    send(upload, DATA, 0, 1000)
    with pytest.raises(Conflict) as refused:
        send(upload, DATA, offset, offset + 400)
    assert (refused.value.code, refused.value.extra) == ("upload_offset", {"offset": "1000"})
    assert len(list_chunk_files(shop)) == 1


def test_same_chunk_again_changes_nothing(shop: Shelf) -> None:
    upload = begin(DATA)
    first = send(upload, DATA, 0, 1000)
    again = send(upload, DATA, 0, 1000)
    assert (first.received, again.received) == (1000, 1000)
    assert UploadChunk.objects.filter(upload=upload).count() == len(list_chunk_files(shop)) == 1
    assert read_back(send_all(DATA, 1000)) == DATA


def test_last_chunk_again_is_answered_as_complete(shop: Shelf) -> None:
    upload = send_all(DATA, 1000)
    assert send(upload, DATA, 2000, 2500).completed_at == upload.completed_at


def test_same_chunk_at_once_is_kept_once(shop: Shelf) -> None:
    upload = begin(DATA)
    sent = run_together(shop, *[lambda: send(upload, DATA, 0, 1000).received] * 6)
    assert sent == [1000] * 6
    assert UploadChunk.objects.filter(upload=upload).count() == len(list_chunk_files(shop)) == 1


def test_different_chunks_at_once_for_one_offset_keep_one(shop: Shelf) -> None:
    parts = [make_bytes(1000, seed) for seed in range(5)]
    upload = begin(DATA)

    def try_to_send(part: bytes) -> int | None:
        try:
            append_chunk(upload=upload, offset=0, sha256=hash_bytes(part), data=part)
        except Conflict:
            return None
        return parts.index(part)

    kept = run_together(shop, *[lambda part=part: try_to_send(part) for part in parts])
    (winner,) = [place for place in kept if place is not None]
    (stored,) = list_chunk_files(shop)
    assert stored.read_bytes() == parts[winner]


@pytest.mark.parametrize(
    ("start", "stop", "code"),
    [(0, 1001, "chunk_too_large"), (2000, 2501, "chunk_beyond_end"), (0, 0, "chunk_too_small")],
)
def test_chunk_of_a_wrong_size_is_refused(shop: Shelf, start: int, stop: int, code: str) -> None:
    longer = DATA + b"x"
    with pytest.raises(UploadRefused) as refused:
        send(begin(DATA), longer, start, stop)
    assert refused.value.code == code
    assert list_chunk_files(shop) == []


def test_file_is_no_multitude_of_chunks(shop: Shelf) -> None:
    upload = create_upload(filename="a.zip", size=5_000_001)
    data = make_bytes(501)
    with pytest.raises(UploadRefused, match="at least 501 bytes") as refused:
        send(upload, data, 0, 500)
    assert refused.value.code == "chunk_too_small"
    assert send(upload, data, 0, 501).received == 501


def test_damaged_chunk_is_refused_and_may_be_sent_again(shop: Shelf) -> None:
    upload = begin(DATA)
    with pytest.raises(UploadRefused) as refused:
        append_chunk(upload=upload, offset=0, sha256=hash_bytes(DATA), data=DATA[:1000])
    assert refused.value.code == "chunk_damaged"
    assert send(upload, DATA, 0, 1000).received == 1000


def test_whole_that_is_another_file_is_given_up(shop: Shelf) -> None:
    with pytest.raises(UploadRefused) as refused:
        send_all(DATA, sha256=hash_bytes(make_bytes(2500, 2)))
    assert refused.value.code == "upload_damaged"
    (upload,) = Upload.objects.all()
    assert upload.completed_at is None
    with pytest.raises(NotFound) as gone:
        send(upload, DATA, 2100, 2500)
    assert gone.value.code == "upload_not_found"


@pytest.mark.parametrize("moment", ["before the file", "before the row", "after the row"])
def test_chunk_killed_half_way_is_sent_again_and_leaves_one_file(
    shop: Shelf, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    upload = send(begin(DATA), DATA, 0, 1000)
    with monkeypatch.context() as patch:
        place = {
            "before the file": (receiving, "store_chunk"),
            "before the row": (UploadChunk.objects, "create"),
            "after the row": (Upload, "save"),
        }[moment]
        patch.setattr(*place, _kill)
        with pytest.raises(Killed):
            send(upload, DATA, 1000, 2000)
    assert Upload.objects.get(pk=upload.pk).received == 1000
    for start in (1000, 2000):
        upload = send(upload, DATA, start, min(start + 1000, 2500))
    assert read_back(upload) == DATA
    assert len(list_chunk_files(shop)) == 3


def _kill(*_args: object, **_kwargs: object) -> None:
    raise Killed


def test_storage_that_is_away_loses_nothing(shop: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = send(begin(DATA), DATA, 0, 1000)

    def fail(*_args: object, **_kwargs: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "save", fail)
        with pytest.raises(StorageAway):
            send(upload, DATA, 1000, 2000)
    assert send(upload, DATA, 1000, 2000).received == 2000


def test_whole_file_is_stored_at_once(shop: Shelf) -> None:
    upload = store_upload("../../a.zip", BytesIO(DATA))
    assert (upload.filename, upload.size, upload.completed_at is not None) == ("a.zip", 2500, True)
    assert read_back(upload) == DATA


@pytest.mark.parametrize(("size", "code"), [(0, "upload_empty"), (3001, "upload_too_large")])
def test_file_of_a_wrong_size_is_refused(shop: Shelf, settings: Settings, size: int, code: str) -> None:
    settings.UPLOAD_MAX_BYTES = 3000
    with pytest.raises(UploadRefused) as refused:
        create_upload(filename="a.zip", size=size)
    assert refused.value.code == code
    with pytest.raises(UploadRefused) as refused:
        store_upload("a.zip", BytesIO(bytes(size)))
    assert refused.value.code == code
    assert not Upload.objects.exists()
