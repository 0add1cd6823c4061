"""What holds for every manifest: it comes back as it was written, and nothing breaks the reader."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.transfer.sources.manifest_rows import HEADER, read_rows, write_table
from transfer.errors import SourceRefused
from transfer.sources.manifests import read_manifest

# Titles keep what is in them; the spaces around are nobody's.
TITLES = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40).map(
    str.strip
)
# Python's writer leaves a line end without quotes where it is not the table's own.
TABLE_TITLES = TITLES.map(lambda title: title.replace("\r", ""))
PLAIN = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).filter(str.strip)
ROWS = st.lists(st.tuples(PLAIN, TITLES, PLAIN), min_size=1, max_size=8)
TABLE_ROWS = st.lists(st.tuples(PLAIN, TABLE_TITLES, PLAIN), min_size=1, max_size=8)
UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
WESTERN = bytes(byte for byte in range(32, 256) if byte not in b"\x7f\x81\x8d\x8f\x90\x9d").decode("cp1252")
# No letters with which UTF-8 starts a character, so that text of these is never valid as UTF-8.
WESTERN_TITLES = st.text([c for c in WESTERN if not 0xC2 <= ord(c) <= 0xF4], min_size=1, max_size=20)


def said(rows: Sequence[tuple[str, str, str]]) -> list[tuple[str, dict[str, str], str]]:
    """Rows as they are read."""
    return [(sku.strip(), {"title": title} if title else {}, photo.strip()) for sku, title, photo in rows]


@given(
    rows=TABLE_ROWS,
    encoding=st.sampled_from(UNICODE),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_table_comes_back_as_it_was_written(
    rows: list[tuple[str, str, str]], encoding: str, delimiter: str, quoting: int, end: str
) -> None:
    text = write_table([HEADER, *rows], delimiter=delimiter, quoting=quoting, lineterminator=end)
    read = read_rows(text.encode(encoding))
    assert [(row.sku, row.fields, row.photo) for row in read] == said(rows)
    assert [row.problem for row in read] == [None] * len(rows)


@given(titles=st.lists(WESTERN_TITLES, min_size=1, max_size=8))
def test_windows_table_comes_back_as_it_was_written(titles: list[str]) -> None:
    text = write_table([HEADER, *(("1", title, "a.jpg") for title in titles)], delimiter=";")
    read = read_rows(text.encode("cp1252"))
    assert [row.fields.get("title", "") for row in read] == [title.strip() for title in titles]


@given(rows=ROWS, encoding=st.sampled_from(UNICODE), ascii_only=st.booleans())
def test_json_lines_come_back_as_they_were_written(
    rows: list[tuple[str, str, str]], encoding: str, *, ascii_only: bool
) -> None:
    objects = [dict(zip(HEADER, row, strict=True)) for row in rows]
    text = "\n".join(json.dumps(each, ensure_ascii=ascii_only) for each in objects)
    read = read_rows(text.encode(encoding), "m.jsonl")
    assert [(row.sku, row.fields, row.photo) for row in read] == said(rows)
    assert [row.line for row in read] == list(range(1, len(rows) + 1))


@given(
    tail=st.binary(max_size=400),
    start=st.sampled_from(
        [b"", b"sku,image\n", b"\xff\xfe", b"\xfe\xff", b"s\x00", b'{"sku":1,"image":"a"}\n']
    ),
    filename=st.sampled_from(["m.csv", "m.jsonl"]),
)
@example(tail=b'a,"\n' * 30, start=b"sku,image\n", filename="m.csv")
def test_any_bytes_give_rows_or_one_refusal(tail: bytes, start: bytes, filename: str) -> None:
    check_any(start + tail, filename)


@given(
    st.lists(
        st.sampled_from(["sku", "image", ",", ";", "\t", '"', "\n", "\r", "a", "é", "\x00", "{", "}", ":"])
    ),
    st.sampled_from(["utf-8", "utf-16", "cp1252"]),
    st.sampled_from(["m.csv", "m.jsonl"]),
)
def test_any_piece_of_a_table_gives_rows_or_one_refusal(
    pieces: list[str], encoding: str, filename: str
) -> None:
    check_any(f"sku,image\n{''.join(pieces)}".encode(encoding), filename)


def check_any(data: bytes, filename: str) -> None:
    try:
        rows = read_rows(data, filename)
    except SourceRefused as refused:
        assert refused.message.isprintable()  # noqa: PT017 - a refusal is as good as rows
        return
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))
    assert all(row.problem is not None or row.sku for row in rows)


class Written(io.RawIOBase):
    """A manifest that is written as it is read, so that what memory holds is the reader's."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size and (line := next(self._lines, b"")):
            self._left += line
        part, self._left = self._left[:size], self._left[size:]
        return part


TABLE_LINE = '{number};"Title ""{number}"" é\n{filler}";https://shop.test/{number}.jpg\n'
JSON_LINE = '{{"sku": "{number}", "title": "é {filler}", "image": "{number}.jpg"}}\n'


@pytest.mark.parametrize(
    ("filename", "encoding", "header", "line", "lines_a_row"),
    [
        ("m.csv", "utf-8", ["sku;title;image\n"], TABLE_LINE, 2),
        ("m.jsonl", "utf-16-le", [], JSON_LINE, 1),
    ],
    ids=["table", "json"],
)
def test_long_manifest_is_streamed(
    filename: str, encoding: str, header: list[str], line: str, lines_a_row: int
) -> None:
    count = 120_000 // lines_a_row

    def write() -> Iterator[bytes]:
        yield from (each.encode(encoding) for each in header)
        for number in range(count):
            yield line.format(number=number, filler="x" * 30).encode(encoding)

    tracemalloc.start()
    try:
        file = Written(write())
        seen = last = 0
        for row in read_manifest(file, filename=filename, columns={}):  # type: ignore[arg-type]  # only read()
            assert row.problem is None
            seen, last = seen + 1, row.line
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (seen, last) == (count, len(header) + 1 + (count - 1) * lines_a_row)
    assert peak < 4 * 2**20
