"""An upload is read as the one file that it was."""

import io
import random
import zipfile

import pytest
from django.core.files.storage import default_storage

from jobs.errors import Unavailable
from retrieval.photos import files
from tenants.errors import Conflict
from tenants.models import Upload, UploadChunk
from tests.retrieval.shelf import Shelf
from tests.transfer.uploads.conftest import list_chunk_files
from tests.transfer.uploads.sending import begin, make_bytes, send, send_all
from transfer.uploads import chunks
from transfer.uploads.errors import UploadLost
from transfer.uploads.reading import open_upload

DATA = make_bytes(5321)


def test_reading_anywhere_is_as_of_one_file(shop: Shelf) -> None:
    plain, random_ = io.BytesIO(DATA), random.Random(3)
    with open_upload(send_all(DATA)) as file:
        assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
        for _ in range(300):
            origin = random_.choice([io.SEEK_SET, io.SEEK_CUR, io.SEEK_END])
            low = {io.SEEK_SET: 0, io.SEEK_CUR: -plain.tell(), io.SEEK_END: -len(DATA)}[origin]
            step, size = random_.randint(low, low + 6000), random_.choice([0, 1, 50, 900, 6000, -1])
            assert file.seek(step, origin) == plain.seek(step, origin) == file.tell()
            assert file.read(size) == plain.read(size)


def test_seek_before_the_start_is_an_error_as_in_any_file(shop: Shelf) -> None:
    with open_upload(send_all(DATA)) as file, pytest.raises(OSError, match="seek"):
        file.seek(-1 - len(DATA), io.SEEK_END)


def test_archive_is_read_out_of_chunks(shop: Shelf) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(20):
            archive.writestr(f"{number}.bin", make_bytes(400, number))
    with open_upload(send_all(buffer.getvalue())) as file, zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.read("17.bin") == make_bytes(400, 17)


def test_each_chunk_is_read_once_in_a_pass_and_one_is_held(
    shop: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def note(name: str) -> bytes:
        read.append(name)
        return files.read_file(name)

    upload = send_all(DATA)
    monkeypatch.setattr(chunks, "read_file", note)
    with open_upload(upload) as file:
        while file.read(100):
            pass
    ordered = UploadChunk.objects.filter(upload=upload).order_by("offset")
    assert read == list(ordered.values_list("file", flat=True))


def test_unfinished_upload_is_not_read(shop: Shelf) -> None:
    upload = send(begin(DATA), DATA, 0, 1000)
    with pytest.raises(Conflict, match="1000 of the upload's 5321") as refused:
        open_upload(upload)
    assert refused.value.code == "upload_not_complete"


@pytest.mark.parametrize("how", ["gone", "cut short"])
def test_lost_chunk_is_named_and_is_no_damaged_archive(shop: Shelf, how: str) -> None:
    upload = send_all(DATA)
    last = list_chunk_files(shop)[-1]
    if how == "gone":
        last.unlink()
    else:
        last.write_bytes(last.read_bytes()[:-1])
    with open_upload(upload) as file, pytest.raises(UploadLost, match="from 4900 on"):
        zipfile.ZipFile(file)


def test_storage_away_while_reading_is_to_be_tried_again(
    shop: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise OSError("away")

    upload = send_all(DATA)
    with open_upload(upload) as file, monkeypatch.context() as patch:
        patch.setattr(default_storage, "open", fail)
        with pytest.raises(Unavailable):
            file.read(10)
        patch.undo()
        assert file.read(10) == DATA[:10]


def test_opening_puts_off_the_end(shop: Shelf) -> None:
    upload = send_all(DATA)
    open_upload(upload).close()
    assert Upload.objects.get(pk=upload.pk).expires_at > upload.expires_at
