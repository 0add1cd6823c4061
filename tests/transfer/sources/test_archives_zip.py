"""What can be wrong with a ZIP only."""

import io
import stat
import struct
import tracemalloc
import zipfile
import zlib
from dataclasses import replace

import pytest

from tests.transfer.sources.packing import LIMITS, list_packed, make_photo, open_packed, pack_zip
from transfer.errors import RowRefused, SourceRefused

TWO = {"A/1.jpg": make_photo(1) * 50, "B/1.jpg": make_photo(2) * 50}
# Where fields stand in a record of the directory (APPNOTE 4.3.12).
FLAGS, METHOD, CRC, PACKED, SIZE, DISK, OUTER, OFFSET = 8, 10, 16, 20, 24, 34, 38, 42


def record_at(packed: bytes, number: int) -> int:
    """Where the record of the entry stands."""
    at = -1
    for _ in range(number + 1):
        at = packed.index(b"PK\x01\x02", at + 1)
    return at


def patch(packed: bytes, number: int, field: int, value: int, width: int = 4) -> bytes:
    """The archive with one field of the entry's record changed."""
    at = record_at(packed, number) + field
    return packed[:at] + value.to_bytes(width, "little") + packed[at + width :]


def refuse(packed: bytes) -> SourceRefused:
    with pytest.raises(SourceRefused) as caught:
        list_packed(packed)
    return caught.value


def refuse_photo(packed: bytes, number: int) -> RowRefused:
    """The refusal of one photo; the other must be read."""
    with open_packed(packed) as source:
        places = [row.place for row in source.list_rows()]
        assert source.read_photo(places[1 - number]) == list(TWO.values())[1 - number]
        with pytest.raises(RowRefused) as caught:
            source.read_photo(places[number])
    return caught.value


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_link_or_device_is_refused(kind: int) -> None:
    error = refuse(patch(pack_zip(TWO), 1, OUTER, (kind | 0o777) << 16))
    assert error.code == "archive_unsafe"
    assert "'B/1.jpg' is a link or a device" in error.message


@pytest.mark.parametrize("flags", [0x1, 0x40, 0x2000])
def test_encrypted_entry_is_refused(flags: int) -> None:
    error = refuse(patch(pack_zip(TWO), 1, FLAGS, flags, 2))
    assert error.code == "archive_encrypted"
    assert "'B/1.jpg' is encrypted" in error.message


def test_entry_encrypted_by_aes_is_refused() -> None:
    assert refuse(patch(pack_zip(TWO), 1, METHOD, 99, 2)).code == "archive_encrypted"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_method_that_we_do_not_read_is_refused(method: int) -> None:
    error = refuse(pack_zip(TWO, method))
    assert error.code == "archive_unsupported"
    assert "'A/1.jpg' is packed by method" in error.message


def test_wrong_checksum_is_its_rows_problem() -> None:
    error = refuse_photo(patch(pack_zip(TWO), 1, CRC, 1), 1)
    assert error.code == "archive_damaged"
    assert "'B/1.jpg': its checksum is wrong" in error.message


def test_changed_bytes_are_their_rows_problem() -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        packed = bytearray(pack_zip(TWO, method))
        at = 30 + len("A/1.jpg")
        packed[at : at + 8] = b"\xff" * 8
        assert refuse_photo(bytes(packed), 0).code == "archive_damaged"


@pytest.mark.parametrize("size", [10, len(TWO["B/1.jpg"]) - 1, len(TWO["B/1.jpg"]) + 1])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_size_that_is_a_lie_is_its_rows_problem(size: int, method: int) -> None:
    assert refuse_photo(patch(pack_zip(TWO, method), 1, SIZE, size), 1).code == "archive_damaged"


def test_missing_header_of_an_entry_is_its_rows_problem() -> None:
    packed = pack_zip(TWO)
    at = packed.index(b"PK\x03\x04", 4)
    error = refuse_photo(packed[:at] + b"XX" + packed[at + 2 :], 1)
    assert "'B/1.jpg': its header is missing" in error.message


def test_bomb_with_a_lying_header_is_stopped_while_it_is_read() -> None:
    packed = patch(pack_zip({"A/1.jpg": bytes(40 * 2**20)}), 0, SIZE, 1000)
    with open_packed(packed) as source:
        (row,) = source.list_rows()
        tracemalloc.start()
        try:
            with pytest.raises(RowRefused, match="larger than the directory says"):
                source.read_photo(row.place)
            assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
        finally:
            tracemalloc.stop()


def test_place_of_a_photo_over_the_limit_is_not_read() -> None:
    packed = pack_zip({"A/1.jpg": make_photo() * 1000})
    (row,) = list_packed(packed)
    with (
        open_packed(packed, limits=replace(LIMITS, photo_bytes=1000)) as source,
        pytest.raises(RowRefused) as caught,
    ):
        source.read_photo(row.place)
    assert caught.value.code == "archive_too_large"


def test_many_small_bombs_are_refused_for_the_whole() -> None:
    error = refuse(pack_zip({f"A/{number}.jpg": bytes(2**20) for number in range(4)}))
    assert error.code == "archive_too_large"
    assert "more than 200 times" in error.message


def test_entries_that_share_bytes_are_refused() -> None:
    error = refuse(patch(pack_zip(TWO), 1, OFFSET, 0))
    assert error.code == "archive_unsafe"
    assert "'A/1.jpg' and 'B/1.jpg' overlap" in error.message


def test_bomb_whose_entries_quote_each_other_is_refused() -> None:
    assert refuse(make_quoted_bomb(10)).code == "archive_unsafe"


def make_quoted_bomb(count: int) -> bytes:
    """Files that begin with a stored block around the next one's header, and all end in the same kernel.

    Fifield, "A better zip bomb", WOOT 2019, section "quoted-overlap".
    """
    plain = bytes(50_000)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    kernel = deflate.compress(plain) + deflate.flush()
    body, size, crc_of = kernel, len(plain), plain
    records: list[tuple[bytes, int, int, int, int]] = []
    for number in reversed(range(count)):
        name = b"A/%02d.jpg" % number
        records.append((name, zlib.crc32(crc_of), len(body), size, len(body) + 30 + len(name)))
        header = struct.pack(
            "<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 0, zlib.crc32(crc_of), len(body), size, len(name), 0
        )
        quoted = header + name
        block = struct.pack("<BHH", 0, len(quoted), len(quoted) ^ 0xFFFF) + quoted
        if number:
            body, size, crc_of = block + body, size + len(quoted), quoted + crc_of
        else:
            body = quoted + body
    whole = len(body)
    directory = b"".join(
        struct.pack(
            "<4s6H3L5H2L",
            *(b"PK\x01\x02", 20, 20, 0, 8, 0, 0, crc, packed, unpacked, len(name)),
            *(0, 0, 0, 0, 0, whole - from_end),
        )
        + name
        for name, crc, packed, unpacked, from_end in records
    )
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), whole, 0)
    return body + directory + end


def test_quoted_bomb_of_these_tests_is_a_zip_that_others_take_for_one() -> None:
    """Python reads it, or refuses it for what it is: newer patch releases look for overlaps themselves."""
    with zipfile.ZipFile(io.BytesIO(make_quoted_bomb(3))) as archive:
        names = sorted(archive.namelist())
        try:
            sizes = [len(archive.read(name)) for name in names]
        except zipfile.BadZipFile as refused:
            assert "Overlapped entries" in str(refused)  # noqa: PT017 - whether it is raised depends on Python
        else:
            assert sizes == [50_076, 50_038, 50_000]


def test_number_of_entries_that_is_a_lie_is_refused() -> None:
    packed = pack_zip(TWO)
    error = refuse(packed[:-12] + struct.pack("<H", 7) + packed[-10:])
    assert error.code == "archive_damaged"
    assert "it has 2 entries and says 7" in error.message


def test_too_many_entries_are_refused_whatever_number_is_said() -> None:
    packed = pack_zip({f"A/{number}.jpg": b"" for number in range(30)})
    lying = packed[:-12] + struct.pack("<H", 1) + packed[-10:]
    with pytest.raises(SourceRefused, match="more than 20 entries"):
        list_packed(lying, replace(LIMITS, entries=20))


def test_part_of_a_split_archive_is_refused() -> None:
    packed = pack_zip(TWO)
    assert "one part of several" in refuse(packed[:-18] + b"\x01\x00" + packed[-16:]).message


def test_directory_outside_the_file_is_refused() -> None:
    packed = pack_zip(TWO)
    assert "not where it says" in refuse(packed[:-6] + b"\xff\xff\xff\x00" + packed[-2:]).message


def test_name_that_is_not_the_utf8_it_says_is_refused() -> None:
    packed = patch(
        pack_zip({"A/1\xe4.jpg": make_photo()}).replace("\xe4".encode(), b"\xe4\xff"), 0, FLAGS, 0x800, 2
    )
    error = refuse(packed)
    assert error.code == "archive_damaged"
    assert "its name is not in UTF-8" in error.message


def test_damaged_manifest_refuses_the_whole() -> None:
    packed = patch(pack_zip({"m.csv": b"sku,image\nA,1.jpg\n", "1.jpg": make_photo()}), 0, CRC, 1)
    error = refuse(packed)
    assert error.code == "archive_damaged"
    assert "'m.csv': its checksum is wrong" in error.message


def test_archive_with_a_comment_that_looks_like_an_end_is_read() -> None:
    packed = io.BytesIO(pack_zip(TWO))
    with zipfile.ZipFile(packed, "a") as archive:
        archive.comment = b"PK\x05\x06" + bytes(18) + b"PK\x05\x06 and more"
    assert len(list_packed(packed.getvalue())) == 2


def test_archive_written_as_a_stream_is_read() -> None:
    """Sizes stand behind each entry then, and its header holds zeros."""
    packed = io.BytesIO()
    stream = Unseekable(packed)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for name, data in TWO.items():
            with archive.open(name, "w", force_zip64=True) as entry:
                entry.write(data)
    with open_packed(packed.getvalue()) as source:
        assert [source.read_photo(row.place) for row in source.list_rows()] == list(TWO.values())


class Unseekable:
    """A pipe."""

    def __init__(self, file: io.BytesIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def test_archive_of_more_entries_than_16_bits_count_is_read() -> None:
    packed = pack_zip({f"{number % 500}/{number}.jpg": b"" for number in range(66_000)}, zipfile.ZIP_STORED)
    limits = replace(LIMITS, entries=66_000)
    assert len(list_packed(packed, limits)) == 66_000
    with pytest.raises(SourceRefused, match="more than 65999 entries"):
        list_packed(packed, replace(limits, entries=65_999))


def test_sizes_in_the_extra_field_are_read() -> None:
    """As an archive of more than 4 GiB has them, without the 4 GiB."""
    packed = pack_zip({"A/1.jpg": b"x" * 100}, zipfile.ZIP_STORED)
    at = record_at(packed, 0)
    record, name, end = bytearray(packed[at : at + 46]), packed[at + 46 : -22], packed[-22:]
    extra = struct.pack("<2H3Q", 1, 24, 100, 100, 0)
    record[PACKED : SIZE + 4] = b"\xff" * 8
    record[OFFSET : OFFSET + 4] = b"\xff" * 4
    record[30:32] = struct.pack("<H", len(extra))
    directory = bytes(record) + name + extra
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(directory), at)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at + len(directory), 1)
    short = end[:8] + b"\xff" * 12 + end[20:]
    large = packed[:at] + directory + end64 + locator + short

    with open_packed(large) as source:
        assert [source.read_photo(row.place) for row in source.list_rows()] == [b"x" * 100]
    for broken in (large.replace(extra, extra[:-1] + b"\x7f"), large.replace(b"PK\x06\x06", b"PK__")):
        assert refuse(broken).code == "archive_damaged"
