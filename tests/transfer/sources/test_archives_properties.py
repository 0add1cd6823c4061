"""Archives drawn at random: what was packed is listed, what is broken is refused by its code."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transfer.sources.packing import KINDS, open_packed, pack
from transfer.errors import RowRefused, SourceRefused

CODES = {
    *("archive_damaged", "archive_empty", "archive_encrypted", "archive_nested", "archive_too_large"),
    *("archive_unsafe", "archive_unsupported", "manifest_ambiguous", "source_refused"),
}
# Folders that are passed over.
CLUTTER = {"__macosx", "@eadir", "$recycle.bin", "system volume information"}
LETTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\:")
WORDS = st.text(LETTERS, min_size=1, max_size=30).filter(
    lambda word: (
        word.strip() == word
        and not word.startswith(".")
        and word.lower() not in CLUTTER
        and len(unicodedata.normalize("NFC", word)) < 60
    )
)
PHOTOS = st.builds("/".join, st.lists(WORDS, min_size=1, max_size=3)).map(lambda name: f"{name}.jpg")
# Two products that are always there make the folders products, whatever else is drawn.
FIRST = {("sku 1", "1.jpg"): b"one", ("sku 2", "2.png"): b"two"}
TREES = st.dictionaries(st.tuples(WORDS, PHOTOS), st.binary(max_size=2000), max_size=8)
HONEST = {
    "m.jsonl": b'{"sku": "A", "image": "a/1.jpg"}\n',
    "a/1.jpg": b"x" * 700,
    "b/2.jpg": bytes(range(256)),
}


@pytest.mark.parametrize("kind", KINDS)
@given(drawn=TREES, top=st.sampled_from(["", "./", "shop/"]))
@settings(max_examples=40, deadline=None)
def test_rows_are_what_was_packed(kind: str, drawn: dict[tuple[str, str], bytes], top: str) -> None:
    tree = {
        (unicodedata.normalize("NFC", sku), unicodedata.normalize("NFC", photo)): data
        for (sku, photo), data in {**FIRST, **drawn}.items()
    }
    packed = pack(kind, {f"{top}{sku}/{photo}": data for (sku, photo), data in tree.items()})
    with open_packed(packed) as source:
        rows = list(source.list_rows())
        read = {(row.sku, row.name): source.read_photo(row.place) for row in reversed(rows)}
    assert [row.problem for row in rows] == [None] * len(rows)
    assert [row.line for row in rows] == list(range(1, len(tree) + 1))
    assert read == tree


def read_all(packed: bytes) -> None:
    """Everything that an import does with an archive; whatever is wrong with it must be said by its code."""
    try:
        with open_packed(packed, filename="shop.tar") as source:
            for row in source.list_rows():
                try:
                    source.read_photo(row.place) if row.place else None
                except RowRefused as error:
                    assert error.code in CODES  # noqa: PT017 - an error is one of two good ends
    except SourceRefused as error:
        assert error.code in CODES  # noqa: PT017 - an error is one of two good ends


@given(
    magic=st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00"]),
    data=st.binary(max_size=3000),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(magic: bytes, data: bytes) -> None:
    read_all(magic + data)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_archive_with_changed_bytes_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    packed = bytearray(pack(kind, HONEST))
    places = st.integers(0, len(packed) - 1)
    for at, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=6)):
        packed[at] = value
    read_all(bytes(packed[: data.draw(st.one_of(st.just(len(packed)), places))]))


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_zip_whose_directory_was_changed_is_read_or_refused(data: st.DataObject) -> None:
    packed = bytearray(pack("zip", HONEST))
    places = st.integers(packed.index(b"PK\x01\x02"), len(packed) - 1)
    values = st.sampled_from([0, 1, 2, 8, 0x7F, 0x80, 0xFF])
    for at, value in data.draw(st.lists(st.tuples(places, values), min_size=1, max_size=8)):
        packed[at] = value
    read_all(bytes(packed))


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_tar_whose_header_was_changed_with_its_checksum_is_read_or_refused(data: st.DataObject) -> None:
    """A checksum that fits lets the change through to what reads the fields."""
    packed = bytearray(pack("tar", HONEST))
    at = packed.index(data.draw(st.sampled_from([b"m.jsonl\0", b"a/1.jpg\0", b"b/2.jpg\0"])))
    for place, value in data.draw(
        st.lists(
            st.tuples(st.integers(0, 499), st.sampled_from(b"\0\x01/0179L.xgKS \x80\xff")),
            min_size=1,
            max_size=6,
        )
    ):
        packed[at + place] = value
    packed[at + 148 : at + 156] = b" " * 8
    packed[at + 148 : at + 156] = b"%06o\0 " % sum(packed[at : at + 512])
    read_all(bytes(packed))
