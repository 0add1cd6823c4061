"""What no archive gets away with, of whichever kind it is."""

import bz2
import gzip
import io
import lzma
import random
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.transfer.sources.packing import (
    COMPRESS,
    KINDS,
    LIMITS,
    Files,
    describe,
    list_packed,
    make_photo,
    pack,
    pack_members,
    pack_tar,
    pack_zip,
)
from transfer.errors import SourceRefused
from transfer.sources.archives import ArchiveLimits

# xz's own dictionary takes 8 MiB of it.
MOST_HELD = 12 * 2**20
PHOTO = {"A/1.jpg": make_photo()}
# So many bytes tell what an archive is.
SHORTEST = {"zip": 4, "tar": 262, "tar.gz": 3, "tar.bz2": 3}
HONEST = {
    "shop/m.csv": b"sku,image\nA,1.jpg\n",
    "shop/1.jpg": make_photo(1),
    "shop/2.jpg": make_photo(2) * 40,
}


def refuse(packed: bytes, limits: ArchiveLimits = LIMITS) -> SourceRefused:
    """The refusal that listing the archive ends with."""
    with pytest.raises(SourceRefused) as caught:
        list_packed(packed, limits)
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/1.jpg", "has an absolute path"),
        ("C:/shop/1.jpg", "has an absolute path"),
        ("c:1.jpg", "has an absolute path"),
        ("../1.jpg", "leads out of its folder"),
        ("A/../../1.jpg", "leads out of its folder"),
        ("A/..", "leads out of its folder"),
        ("A\\1.jpg", "has a backslash"),
        ("\\\\host\\share\\1.jpg", "has a backslash"),
        ("A/1\n.jpg", "has a control character"),
        ("A/1\x7f.jpg", "has a control character"),
        (f"A/{'1' * 500}.jpg", "has a name of more than 500 characters"),
    ],
)
def test_unsafe_name_is_refused(kind: str, name: str, reason: str) -> None:
    error = refuse(pack(kind, {**PHOTO, name: make_photo()}))
    assert error.code == "archive_unsafe"
    assert f"The entry {name[:200]!r}"[:40] in error.message
    assert reason in error.message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["__MACOSX/../../1.jpg", ".git/..", "readme\\.txt"])
def test_unsafe_name_is_refused_even_of_a_file_that_nobody_needs(kind: str, name: str) -> None:
    assert refuse(pack(kind, {**PHOTO, name: b""})).code == "archive_unsafe"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", ["A/1.jpg", "A/./1.jpg", "./A//1.jpg"])
def test_name_that_appears_twice_is_refused(kind: str, other: str) -> None:
    stand_in = other.replace("1", "2")
    if kind == "zip":
        packed = pack_zip({**PHOTO, stand_in: b""}).replace(stand_in.encode(), other.encode())
    else:
        packed = COMPRESS[kind](pack_members([(describe(name), b"") for name in (*PHOTO, other)]))
    error = refuse(packed)
    assert error.code == "archive_unsafe"
    assert "'A/1.jpg' appears twice" in error.message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "TGZ", "7z", "rar", "xz", "bz2", "zst"])
def test_nested_archive_is_refused_by_its_ending(kind: str, ending: str) -> None:
    error = refuse(pack(kind, {**PHOTO, f"B/more.{ending}": b""}))
    assert error.code == "archive_nested"
    assert f"'B/more.{ending}' is an archive" in error.message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("inner", KINDS)
def test_nested_archive_is_refused_by_its_first_bytes(kind: str, inner: str) -> None:
    assert refuse(pack(kind, {**PHOTO, "B/more": pack(inner, PHOTO)})).code == "archive_nested"


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_entries_are_refused(kind: str) -> None:
    files = {f"A/{number}.jpg": make_photo(number) for number in range(11)}
    assert len(list_packed(pack(kind, files), replace(LIMITS, entries=11))) == 11
    error = refuse(pack(kind, files), replace(LIMITS, entries=10))
    assert error.code == "archive_too_large"
    assert "more than 10 entries" in error.message


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_bytes_in_all_are_refused(kind: str) -> None:
    files = {f"A/{number}.jpg": make_photo(number) * 100 for number in range(10)}
    total = sum(map(len, files.values()))
    assert len(list_packed(pack(kind, files), replace(LIMITS, total_bytes=total))) == 10
    error = refuse(pack(kind, files), replace(LIMITS, total_bytes=total - 1))
    assert error.code == "archive_too_large"
    assert "'A/9.jpg'" in error.message or kind == "zip"


@pytest.mark.parametrize("kind", KINDS)
def test_too_long_names_in_all_are_refused(kind: str) -> None:
    files = {f"{'A' * 90}/{number}.jpg": make_photo(number) for number in range(10)}
    assert refuse(pack(kind, files), replace(LIMITS, names_bytes=900)).code == "archive_too_large"


@pytest.mark.parametrize("kind", KINDS)
def test_manifest_over_its_limit_is_refused(kind: str) -> None:
    error = refuse(pack(kind, HONEST), replace(LIMITS, manifest_bytes=10))
    assert error.code == "archive_too_large"
    assert "'shop/m.csv': it has 18 bytes" in error.message


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize("name", ["A/2.jpg", "A/readme.txt", "A/.hidden"])
def test_bomb_is_refused_before_it_goes_off(kind: str, name: str) -> None:
    packed = pack(kind, {**PHOTO, name: bytes(40 * 2**20)})
    error, peak = measure(lambda: refuse(packed))
    assert error.code == "archive_too_large"
    assert f"{name!r}: it unpacks to more than 200 times" in error.message
    assert peak < MOST_HELD


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz"])
def test_bomb_behind_real_photos_is_refused(kind: str) -> None:
    noise = random.Random(0)
    files = {f"A/{number}.jpg": noise.randbytes(1000) for number in range(400)}
    assert refuse(pack(kind, {**files, "B/1.jpg": bytes(40 * 2**20)})).code == "archive_too_large"


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_bomb_of_zeros_behind_the_end_mark_is_refused(compress: Callable[[bytes], bytes]) -> None:
    packed = compress(pack_tar(PHOTO) + bytes(40 * 2**20))
    error, peak = measure(lambda: refuse(packed))
    assert error.code == "archive_too_large"
    assert peak < MOST_HELD


@pytest.mark.parametrize("kind", KINDS)
def test_archive_cut_off_anywhere_is_refused(kind: str) -> None:
    packed = pack(kind, HONEST)
    end = packed.rindex(make_photo(2)) + len(make_photo(2)) if kind == "tar" else len(packed) - 1
    for size in range(1, end, 97 if kind == "tar" else 7):
        code = refuse(packed[:size]).code
        # What is left of a plain tar's first header does not say what it is.
        assert code == ("archive_unsupported" if size < SHORTEST.get(kind, 6) else "archive_damaged")


@pytest.mark.parametrize("kind", KINDS)
def test_cut_off_archive_is_refused_with_the_entry_named(kind: str) -> None:
    files = {**PHOTO, "B/1.jpg": random.Random(0).randbytes(3 * 2**20)}
    packed = pack(kind, files)
    cut = packed[: len(packed) // 2]
    if kind == "zip":  # the directory is at the end of it
        cut = zip_cut(packed)
    assert "B/1.jpg" in refuse(cut).message


def zip_cut(packed: bytes) -> bytes:
    """The archive without the last bytes of its last entry."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        start = archive.start_dir
    end = packed[-22:]
    return packed[: start - 50] + packed[start:-22] + end[:16] + (start - 50).to_bytes(4, "little") + end[20:]


def measure(call: Callable[[], SourceRefused]) -> tuple[SourceRefused, int]:
    """(what the call gives, most bytes that it held)."""
    tracemalloc.start()
    try:
        result = call()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_honest_archive_of_these_tests_is_read() -> None:
    files: Files = HONEST
    assert [row.sku for row in list_packed(pack_zip(files))] == ["A"]
