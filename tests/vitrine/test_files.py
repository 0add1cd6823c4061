import io
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.errors import FileProblem
from vitrine.files import Measured, PackedFolder, cut_chunks, measure_file, open_file


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder of two products, with what operating systems leave behind."""
    folder = tmp_path / "shop"
    for name, data in {
        "Tee/b.jpg": b"bb",
        "Tee/a.jpg": b"a" * 3_000_000,
        "Größe 大/x.jpg": b"x",
        ".git/config": b"hidden",
        "Tee/.DS_Store": b"hidden",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def read(folder: Path) -> bytes:
    return b"".join(open_file(folder).read_blocks())


def test_folder_is_packed_in_order_without_hidden_files(shop: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(read(shop))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["Größe 大/x.jpg", "Tee/a.jpg", "Tee/b.jpg"]
        assert archive.read("Tee/a.jpg") == b"a" * 3_000_000
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    assert open_file(shop).filename == "shop.zip"


def test_folder_gives_the_same_bytes_whenever_it_is_read(shop: Path) -> None:
    first = read(shop)
    os.utime(shop / "Tee" / "a.jpg", (1, 1))
    assert read(shop) == first
    assert measure_file(open_file(shop)).size == len(first)


def test_file_that_changes_meanwhile_is_noticed(shop: Path) -> None:
    opened = open_file(shop)
    for data in (b"", b"b" * 4_000_000):
        (shop / "Tee" / "b.jpg").write_bytes(data)
        with pytest.raises(FileProblem, match=r"b\.jpg changed while it was read"):
            measure_file(opened)


def test_links_are_followed_but_not_in_a_circle(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.jpg").write_bytes(b"1")
    (shop / "linked").symlink_to(tmp_path / "elsewhere")
    opened = open_file(shop)
    assert isinstance(opened, PackedFolder)
    assert "linked/1.jpg" in [file.filename for file in opened.files]
    (shop / "Tee" / "back").symlink_to(shop)
    with pytest.raises(FileProblem, match="leads back"):
        open_file(shop)


def test_broken_link_is_an_error_and_not_left_out(shop: Path) -> None:
    (shop / "gone.jpg").symlink_to(shop / "nowhere")
    with pytest.raises(FileProblem, match="cannot be read: No such file"):
        open_file(shop)


def test_name_that_is_not_text_is_refused(shop: Path) -> None:
    (shop / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"1")
    with pytest.raises(FileProblem, match=r"caf.*is not in UTF-8"):
        read(shop)


@pytest.mark.parametrize(
    ("name", "code"), [("absent", "file_missing"), ("empty.zip", "file_empty"), ("hollow", "folder_empty")]
)
def test_what_cannot_be_sent_is_named(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "empty.zip").touch()
    (tmp_path / "hollow").mkdir()
    with pytest.raises(FileProblem, match=name) as caught:
        open_file(tmp_path / name)
    assert caught.value.code == code


def test_file_is_measured_and_its_reading_told(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_bytes(b"abc")
    told: list[int] = []
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert measure_file(open_file(path), told.append) == Measured(3, sha256)
    assert told == [3]


@given(st.lists(st.binary(max_size=20), max_size=12), st.integers(0, 60), st.integers(1, 30))
def test_chunks_are_the_bytes_from_the_start_on(blocks: list[bytes], start: int, size: int) -> None:
    chunks = list(cut_chunks(blocks, start=start, size=size))
    assert b"".join(chunks) == b"".join(blocks)[start:]
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(chunks)
