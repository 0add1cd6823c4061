"""What can be wrong with a tar only."""

import bz2
import gzip
import lzma
import random
import struct
import tarfile
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from tests.transfer.sources.packing import (
    LIMITS,
    Watched,
    describe,
    list_packed,
    make_photo,
    open_packed,
    pack_members,
    pack_tar,
)
from transfer.errors import RowRefused, SourceRefused
from transfer.sources.archives import open_archive
from transfer.sources.archives.inflating import open_gzip
from transfer.sources.archives.resting import RestingStreams
from transfer.sources.archives.source import ArchiveSource
from transfer.sources.archives.tar_streams import InflatedStream

PHOTO = make_photo()
Compress = Callable[[bytes], bytes]
PHOTOS = [random.Random(number).randbytes(5000) for number in range(100)]
MANY = pack_tar({f"A/{number:03}.jpg": photo for number, photo in enumerate(PHOTOS)})
HONEST = pack_tar({"A/1.jpg": PHOTO, "B/1.jpg": PHOTO, "C/1.jpg": PHOTO})


def refuse(packed: bytes) -> SourceRefused:
    with pytest.raises(SourceRefused) as caught:
        list_packed(packed)
    return caught.value


def frame(*parts: bytes) -> bytes:
    """Parts of a tar, each filled up to whole blocks, with the end mark."""
    return b"".join(part + bytes(-len(part) % 512) for part in parts) + bytes(1024)


def head(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A header that says what it likes."""
    info = describe(name, kind=kind)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a device"),
    ],
)
def test_link_or_device_is_refused(kind: bytes, what: str) -> None:
    info = describe("B/1.jpg", kind=kind)
    info.linkname = "A/1.jpg"
    error = refuse(pack_members([(describe("A/1.jpg", PHOTO), PHOTO), (info, b"")]))
    assert error.code == "archive_unsafe"
    assert f"'B/1.jpg' is {what}" in error.message


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_SPARSE, b"M", b"V", b"Z"])
def test_entry_of_another_kind_is_refused(kind: bytes) -> None:
    error = refuse(frame(head("A/1.jpg", len(PHOTO)), PHOTO, head("B/1.jpg", 0, kind)))
    assert error.code == "archive_unsupported"
    assert "'B/1.jpg' is of the kind" in error.message


def test_sparse_file_in_the_pax_manner_is_refused() -> None:
    info = describe("B/1.jpg", PHOTO)
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "99999999"}
    assert refuse(pack_members([(info, PHOTO)])).code == "archive_unsupported"


def test_broken_header_in_the_middle_is_not_taken_for_the_end() -> None:
    at = HONEST.index(b"C/1.jpg")
    error = refuse(HONEST[:at] + b"X" + HONEST[at + 1 :])
    assert error.code == "archive_damaged"
    assert "'B/1.jpg': what follows is no header (bad checksum)" in error.message


def test_missing_end_mark_is_refused() -> None:
    error = refuse(HONEST.rstrip(b"\0") + bytes(-len(HONEST.rstrip(b"\0")) % 512))
    assert error.code == "archive_damaged"
    assert "'C/1.jpg'" in error.message


def test_archive_behind_an_archive_is_not_lost_in_silence() -> None:
    error = refuse(HONEST + HONEST)
    assert error.code == "archive_damaged"
    assert "something follows the end mark" in error.message


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE])
def test_header_that_announces_a_huge_header_is_refused(kind: bytes) -> None:
    packed = gzip.compress(frame(head("A", 60 * 2**20, kind)) + bytes(60 * 2**20))
    tracemalloc.start()
    try:
        assert refuse(packed).code == "archive_damaged"
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


def test_endless_headers_are_refused() -> None:
    headers = [
        part for _ in range(20) for part in (head("././@LongLink", 8, tarfile.GNUTYPE_LONGNAME), b"A/1.jpg\0")
    ]
    assert "too many headers" in refuse(frame(*headers, head("A/1.jpg", 0))).message


@pytest.mark.parametrize(
    "records",
    [
        b"0 path=A\n",
        b"5 path=A/2.jpg\n",
        b"99 path=A\n",
        b"-9 path=A\n",
        b"path=A\n",
        b"12345678901234567890123 path=A\n",
        b"10 path=A\nXXXXX",
        b"\0\0\0\0",
    ],
)
def test_broken_extended_header_is_refused(records: bytes) -> None:
    error = refuse(frame(head("pax", len(records), tarfile.XHDTYPE), records, head("A/1.jpg", 0)))
    assert error.code == "archive_damaged"
    assert "extended header" in error.message


def test_many_small_records_take_no_longer_than_few_large_ones() -> None:
    records = b"6 a=b\n" * 170_000
    assert refuse(frame(head("pax", len(records), tarfile.XHDTYPE), records, head("B", 0, b"Z"))).code == (
        "archive_unsupported"
    )


@pytest.mark.parametrize("size", [b"x", b"-1", b"1.5", b"9" * 30])
def test_size_that_is_no_number_is_refused(size: bytes) -> None:
    record = b" size=" + size + b"\n"
    record = b"%d" % (len(record) + 2) + record
    error = refuse(frame(head("pax", len(record), tarfile.XHDTYPE), record, head("A/1.jpg", 0)))
    assert error.code == "archive_damaged"
    assert "'A/1.jpg': its size is" in error.message


def test_negative_size_is_refused() -> None:
    header = bytearray(head("A/1.jpg", 0))
    header[124:136] = b"\xff" * 12
    header[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(header))[0]  # type: ignore[attr-defined]
    assert refuse(frame(bytes(header))).code == "archive_damaged"


def test_name_for_all_that_follow_is_refused() -> None:
    record = b"16 path=A/1.jpg\n"
    error = refuse(frame(head("pax", len(record), tarfile.XGLTYPE), record, head("B/1.jpg", 0)))
    assert error.code == "archive_damaged"


def test_comment_for_all_that_follow_is_passed_over() -> None:
    record = b"19 comment=deadbee\n"
    packed = frame(head("pax", len(record), tarfile.XGLTYPE), record, head("B/1.jpg", len(PHOTO)), PHOTO)
    assert [row.sku for row in list_packed(packed)] == ["B"]


def test_folders_are_no_photos() -> None:
    members = [(describe(name, kind=tarfile.DIRTYPE), b"") for name in ("./", "A.jpg/", "A.jpg/sub.zip")]
    rows = list_packed(pack_members([*members, (describe("A.jpg/1.jpg", PHOTO), PHOTO)]))
    assert [(row.sku, row.name) for row in rows] == [("A.jpg", "1.jpg")]


def test_members_that_follow_each_other_are_one_archive() -> None:
    half = len(HONEST) // 2
    for compress in (gzip.compress, bz2.compress, lzma.compress):
        packed = compress(HONEST[:half]) + compress(HONEST[half:])
        with open_packed(packed) as source:
            assert [source.read_photo(row.place) for row in source.list_rows()] == [PHOTO] * 3


def test_padding_behind_the_compressed_bytes_is_passed_over() -> None:
    assert len(list_packed(gzip.compress(HONEST) + bytes(100_000))) == 3


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_something_else_behind_the_compressed_bytes_is_refused(compress: Compress) -> None:
    assert refuse(compress(HONEST) + b"something else").code == "archive_damaged"


def test_wrong_checksum_of_the_whole_is_refused() -> None:
    packed = gzip.compress(HONEST)
    error = refuse(packed[:-8] + struct.pack("<L", zlib.crc32(HONEST) ^ 1) + packed[-4:])
    assert error.code == "archive_damaged"


def test_xz_that_asks_for_much_memory_is_refused() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**30}]
    packed = lzma.compress(pack_tar({"A/1.jpg": PHOTO * 100}), filters=filters)
    assert "Memory usage limit" in refuse(packed).message


def test_photo_that_is_cut_off_since_the_listing_is_its_rows_problem() -> None:
    place = list_packed(HONEST)[2].place
    with open_packed(HONEST[: HONEST.index(b"C/1.jpg") + 512]) as source, pytest.raises(RowRefused) as caught:
        source.read_photo(place)
    assert caught.value.code == "archive_damaged"
    assert "'C/1.jpg'" in caught.value.message


def open_watched(file: Watched, key: str | None = None) -> ArchiveSource:
    return open_archive(file, filename="shop", columns={}, remote=None, limits=LIMITS, key=key)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_tar_is_read_through_once_for_photos_in_its_order(compress: Compress) -> None:
    packed = compress(MANY)
    file = Watched(packed)
    with open_watched(file) as source:
        places = [row.place for row in source.list_rows()]
        file.bytes_read = 0
        assert [source.read_photo(place) for place in places] == PHOTOS
        assert file.bytes_read <= len(packed)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_tar_is_read_on_from_where_the_last_slice_was(compress: Compress) -> None:
    packed = compress(MANY)
    places = [row.place for row in list_packed(packed)]
    key = f"upload {compress}"
    files = []
    for number, place in enumerate(places):
        files.append(Watched(packed))
        with open_watched(files[-1], key) as source:
            assert source.read_photo(place) == PHOTOS[number]
    # Each opening reads the first 512 bytes to see what it is.
    assert sum(file.bytes_read for file in files) <= len(packed) + 512 * len(files)
    with open_watched(Watched(packed), key) as source:
        assert source.read_photo(places[3]) == PHOTOS[3]


def test_tar_whose_slice_ended_in_an_error_is_read_from_the_start() -> None:
    packed = gzip.compress(MANY)
    places = [row.place for row in list_packed(packed)]
    file = Watched(packed)
    with open_watched(file, "broken") as source:
        source.read_photo(places[0])
        file.away = True
        with pytest.raises(ConnectionError):
            source.read_photo(places[-1])
    with open_watched(Watched(packed), "broken") as source:
        assert source.read_photo(places[-1]) == PHOTOS[-1]


def test_two_sources_of_one_key_do_not_share_their_place() -> None:
    packed = gzip.compress(MANY)
    places = [row.place for row in list_packed(packed)]
    with open_watched(Watched(packed), "twice") as one, open_watched(Watched(packed), "twice") as other:
        for number, place in enumerate(places):
            assert one.read_photo(place) == other.read_photo(place) == PHOTOS[number]


def test_only_the_last_few_streams_rest() -> None:
    streams = RestingStreams()
    kept = [InflatedStream(Watched(HONEST), open_gzip, LIMITS) for _ in range(6)]
    for number, stream in enumerate(kept):
        streams.put(number, stream)
    assert [streams.take(number) for number in range(6)] == [None, None, *kept[2:]]
    assert streams.take(5) is None
