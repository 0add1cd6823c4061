"""A manifest alone, as a source of rows and photos."""

import io
from dataclasses import replace

import pytest

from tests.transfer.sources.manifest_rows import read_refusal
from transfer.errors import RowRefused
from transfer.sources.manifests import manifest, open_manifest
from transfer.sources.source import Source

TABLE = (
    b"sku,image\n"
    b"1,https://shop.test/photos/red%20shoe.jpg?size=9#x\n"
    b"2,photos/b.jpg\n"
    b"3,HTTP://shop.test/\n"
    b",https://shop.test/c.jpg\n"
    b"5,https://shop.test/a%00b/\n"
)


class Shop:
    """Photos by their URLs."""

    def read_photo(self, place: str) -> bytes:
        return f"photo of {place}".encode()


def open_table(remote: Shop | None, data: bytes = TABLE) -> Source:
    return open_manifest(io.BytesIO(data), filename="m.csv", columns={}, remote=remote)


def test_rows_name_their_photos_by_url() -> None:
    with open_table(Shop()) as source:
        rows = list(source.list_rows())
        assert [(row.line, row.sku, row.name) for row in rows] == [
            (2, "1", "red shoe.jpg"),
            (3, "2", "b.jpg"),
            (4, "3", "shop.test"),
            (5, "", "c.jpg"),
            (6, "5", "a\N{REPLACEMENT CHARACTER}b"),
        ]
        assert source.read_photo(rows[0].place) == b"photo of " + TABLE.splitlines()[1][2:]


def test_rows_are_the_same_each_time() -> None:
    with open_table(Shop()) as source:
        first, second = ([replace(row, problem=None) for row in source.list_rows()] for _ in range(2))
    assert first == second


def test_photo_by_path_is_the_problem_of_its_row() -> None:
    with open_table(Shop()) as source:
        problems = [row.problem for row in source.list_rows()]
    assert [problem is None for problem in problems] == [True, False, True, False, True]
    assert problems[1] is not None
    assert "'photos/b.jpg' is no URL" in problems[1].message


@pytest.mark.parametrize("remote", [Shop(), None])
def test_row_without_an_image_has_no_place(remote: Shop | None) -> None:
    with open_table(remote, b"sku,title,image\n1,Bare,\n") as source:
        (row,) = source.list_rows()
    assert (row.sku, row.place, row.name, row.fields, row.problem) == ("1", "", "", {"title": "Bare"}, None)


def test_urls_without_a_reader_are_the_problem_of_each_row() -> None:
    with open_table(None) as source:
        problems = [row.problem for row in source.list_rows()]
        with pytest.raises(RowRefused) as refused:
            source.read_photo("https://shop.test/a.jpg")
    assert [problem.code for problem in problems if problem] == [
        "urls_not_allowed",
        "row_invalid",
        "urls_not_allowed",
        "row_invalid",
        "urls_not_allowed",
    ]
    assert refused.value.code == "urls_not_allowed"
    assert "IMPORT_URLS" in refused.value.message


def test_source_closes_its_file() -> None:
    file = io.BytesIO(TABLE)
    with open_manifest(file, filename="m.csv", columns={}, remote=None):
        assert not file.closed
    assert file.closed


def test_name_that_is_no_manifests_is_refused() -> None:
    assert "'photos.zip' is not a manifest's name" in read_refusal(TABLE, "photos.zip").message


def test_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "MAX_ROWS", 3)
    assert read_refusal(TABLE).message.startswith("Line 5: a manifest has at most 3 rows")
