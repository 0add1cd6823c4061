import codecs
import io

import pytest

from tests.transfer.sources.manifest_rows import problem_of, read_refusal, read_rows
from transfer.sources.manifests import read_manifest

TEXT = "sku;title;image\r\n1;Größe «M» €;ä.jpg\r\n2;naïve … “ok”;b.jpg\r\n"
ENCODED = {
    "UTF-8": TEXT.encode(),
    "UTF-8 with a mark": TEXT.encode("utf-8-sig"),
    "UTF-16 with a mark": TEXT.encode("utf-16"),
    "UTF-16 big with a mark": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "UTF-16 little": TEXT.encode("utf-16-le"),
    "UTF-16 big": TEXT.encode("utf-16-be"),
    "Windows-1252": TEXT.encode("cp1252"),
}


class Trickle(io.RawIOBase):
    """A file that gives a few bytes at a time and cannot be wound back, as an archive's may."""

    def __init__(self, data: bytes, *, step: int) -> None:
        self._left = io.BytesIO(data)
        self._step = step

    def read(self, size: int = -1) -> bytes:
        return self._left.read(min(size, self._step))


@pytest.mark.parametrize("name", ENCODED)
def test_manifest_is_read_in_each_encoding(name: str) -> None:
    rows = read_rows(ENCODED[name])
    assert [(row.sku, row.photo, row.fields["title"]) for row in rows] == [
        ("1", "ä.jpg", "Größe «M» €"),
        ("2", "b.jpg", "naïve … “ok”"),
    ]


@pytest.mark.parametrize("name", ENCODED)
def test_manifest_is_read_from_a_file_that_gives_little(name: str) -> None:
    trickle = Trickle(ENCODED[name], step=3)
    rows = list(read_manifest(trickle, filename="m.csv", columns={}))  # type: ignore[arg-type]  # only read()
    assert rows == read_rows(ENCODED[name])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("shift", range(4))
def test_characters_and_line_ends_may_lie_on_the_edge_of_a_block(encoding: str, shift: int) -> None:
    lines = [f"{number};{'é' * 97};x.jpg" for number in range(3000)]
    text = f"sku;title;image{' ' * shift}\r\n" + "\r\n".join(lines)
    rows = read_rows(text.encode(encoding))
    assert [row.line for row in rows] == list(range(2, 3002))
    assert {row.fields["title"] for row in rows} == {"é" * 97}


@pytest.mark.parametrize("far", [0, 70_000, 200_000])
def test_encoding_is_decided_where_text_first_is_not_plain(far: int) -> None:
    lead = "".join(f"{number},plain,a.jpg\n" for number in range(far // 15))
    text = f"sku,title,image\n{lead}x,é,a.jpg\ny,plain,a.jpg\nz,ü,a.jpg\n"
    for encoding in ("utf-8", "cp1252"):
        titles = [row.fields["title"] for row in read_rows(text.encode(encoding))]
        assert titles[-3:] == ["é", "plain", "ü"]


def test_byte_that_is_not_utf8_is_the_problem_of_its_row() -> None:
    data = "sku,title,image\n1,é,a.jpg\n2,ü€,b.jpg\n".encode() + b"3,\xe9,c.jpg\n4,d,d.jpg\n"
    rows = read_rows(data)
    assert "'title': Holds the byte 0xE9, which is not UTF-8" in problem_of(rows[2])
    assert [row.problem is None for row in rows] == [True, True, False, True]


def test_byte_that_is_not_windows_1252_is_the_problem_of_its_row() -> None:
    rows = read_rows(b"sku,title,image\n1,\xe9,a.jpg\n2,\x81,b.jpg\n")
    assert rows[0].fields == {"title": "é"}
    assert "the byte 0x81, which is not Windows-1252" in problem_of(rows[1])


def test_damage_in_a_column_that_is_not_read_does_no_harm() -> None:
    rows = read_rows(b"sku,note,image\n1,\xc3\xa9\xc3\xa9,a\n2,\xff,b\n")
    assert [row.problem for row in rows] == [None, None]


def test_half_of_a_utf16_pair_is_the_problem_of_its_row() -> None:
    text = "sku,title,image\n1,\ud83d,a.jpg\n2,\U0001f600,b.jpg\n"
    rows = read_rows(text.encode("utf-16-le", "surrogatepass"))
    assert "half a character" in problem_of(rows[0])
    assert rows[1].fields == {"title": "\U0001f600"}


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_utf16_cut_off_in_a_character_is_the_problem_of_the_last_row(cut: int) -> None:
    whole = "sku,image\n1,a\n2,\U0001f600".encode("utf-16")
    rows = read_rows(whole[:-cut])
    assert rows[0].problem is None
    assert "half a character" in problem_of(rows[1])


def test_utf8_cut_off_in_a_character_is_the_problem_of_the_last_row() -> None:
    rows = read_rows("sku,image\né,a\n2,ü€".encode()[:-1])
    assert rows[0].problem is None
    assert "which is not UTF-8" in problem_of(rows[1])


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
        b"PK\x03\x04\x14\x00\x00\x00\x08\x00",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 64,
        "sku,image\n1,a\n".encode("utf-32"),
        b"\x00" * 5000,
    ],
)
@pytest.mark.parametrize("name", ["m.csv", "m.jsonl"])
def test_file_that_is_not_text_is_refused(data: bytes, name: str) -> None:
    refusal = read_refusal(data, name)
    assert refusal.message.isprintable()
