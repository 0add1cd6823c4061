"""The parts of an archive, as other readers of ZIP take them."""

import shutil
import subprocess
import zipfile
import zlib
from pathlib import Path

import pytest

from transfer.exports.zip_format import Entry, make_directory, make_header

FILES = {"photos/1/a.png": b"\x89PNG" * 100, "photos/2/für Élise.png": b"", "manifest.jsonl": b"{}\n"}


def write_archive(path: Path, files: dict[str, bytes], *, gap: int = 0) -> Path:
    """An archive of the files; gap: bytes left out before the second one, as if there were larger ones."""
    entries = []
    with path.open("wb") as file:
        for name, data in files.items():
            entry = Entry(name, file.tell(), len(data), zlib.crc32(data))
            file.write(make_header(entry) + data)
            entries.append(entry)
            file.seek(gap, 1)
            gap = 0
        for part in make_directory(entries, at=file.tell()):
            file.write(part)
    return path


def read_archive(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_archive_is_read_back_by_another_reader(tmp_path: Path) -> None:
    assert read_archive(write_archive(tmp_path / "a.zip", FILES)) == FILES


def test_archive_of_more_than_four_gigabytes_is_read_back(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.zip", FILES, gap=5 * 2**30)
    assert path.stat().st_size > 5 * 2**30
    assert read_archive(path) == FILES


def test_archive_of_more_entries_than_a_short_number_counts_is_read_back(tmp_path: Path) -> None:
    files = {f"photos/{number}": b"" for number in range(70_000)}
    assert len(read_archive(write_archive(tmp_path / "a.zip", files))) == 70_000


def test_archive_is_whole_to_the_tool_that_people_unpack_with(tmp_path: Path) -> None:
    unzip = shutil.which("unzip")
    if unzip is None:
        pytest.skip("needs unzip, which is not installed here")
    path = write_archive(tmp_path / "a.zip", FILES)
    tested = subprocess.run([unzip, "-t", str(path)], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr
