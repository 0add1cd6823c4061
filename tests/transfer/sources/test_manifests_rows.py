"""What a row may say, the same in a table and in JSON Lines."""

import io
import json
from typing import Any

import pytest

from tests.transfer.sources.manifest_rows import problem_of, read_only_row, write_table
from transfer.sources.manifests import ManifestRow, is_manifest, read_manifest


def read_both(**said: Any) -> tuple[ManifestRow, ManifestRow]:
    """The row of a table, where what is no text is JSON, and the row of a line of JSON."""
    cells = {"sku": "1", "image": "a.jpg", **said}
    texts = [value if isinstance(value, str) else json.dumps(value) for value in cells.values()]
    table = read_only_row(write_table([list(cells), texts]), "m.csv")
    return table, read_only_row(json.dumps(cells), "m.jsonl")


def test_row_holds_all_that_is_said() -> None:
    for row in read_both(
        sku=" S-1 ",
        title="Title",
        category="Shoes",
        attributes={"colour": "red", "sizes": [1, 2.5, None]},
        image=" photos/a.jpg ",
        box=[1, 2.5, 30, 4e1],
        style_of="S-0",
        score_threshold=0.25,
    ):
        assert row.problem is None
        assert (row.sku, row.photo) == ("S-1", "photos/a.jpg")
        assert row.fields == {
            "title": "Title",
            "category": "Shoes",
            "attributes": {"colour": "red", "sizes": [1, 2.5, None]},
            "box": [1.0, 2.5, 30.0, 40.0],
            "style_of": "S-0",
            "score_threshold": 0.25,
        }


def test_blank_cell_says_nothing() -> None:
    names = ("title", "category", "attributes", "box", "style_of", "score_threshold", "attributes.a")
    for row in read_both(**dict.fromkeys(names, " ")):
        assert (row.fields, row.problem) == ({}, None)
    line = json.dumps({"sku": "1", "image": "a", **dict.fromkeys(names)})
    assert read_only_row(line, "m.jsonl").fields == {}


@pytest.mark.parametrize("image", ["", "  "])
def test_row_without_an_image_is_a_product_without_a_photo(image: str) -> None:
    for row in read_both(image=image, title="Bare"):
        assert (row.sku, row.photo, row.fields, row.problem) == ("1", "", {"title": "Bare"}, None)


def test_numbers_are_taken_as_texts_where_texts_are_meant() -> None:
    row = read_only_row('{"sku": 4711, "image": "a", "title": 7, "style_of": 12}', "m.jsonl")
    assert (row.sku, row.fields) == ("4711", {"title": "7", "style_of": "12"})


def test_attributes_have_columns_of_their_own() -> None:
    said = {"attributes": {"size": 3}, "attributes.Colour": " red ", "Attributes.long name": "x"}
    for row in read_both(**said):
        assert row.fields["attributes"] == {"size": 3, "Colour": "red", "long name": "x"}
    row = read_only_row('{"sku": "1", "image": "a", "attributes.sizes": [1, 2]}', "m.jsonl")
    assert row.fields["attributes"] == {"sizes": [1, 2]}


@pytest.mark.parametrize("box", ["1,2,3,4", "1 2 3 4", "1;2;3;4", "[1, 2, 3, 4]", " 1.0, 2 ,3e0, +4 "])
def test_box_is_read_from_text(box: str) -> None:
    for row in read_both(box=box):
        assert row.fields["box"] == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("sku", " ", "is empty"),
        ("sku", "x" * 101, "At most 100"),
        ("sku", "a\tb", "control"),
        ("sku", "a\nb", "control"),
        ("sku", "a\x7fb", "control"),
        ("sku", "a\x00b", "NUL"),
        ("image", "x" * 2001, "At most 2,000"),
        ("image", "a\x00b", "NUL"),
        ("title", "x" * 301, "At most 300"),
        ("title", "a\x00b", "NUL"),
        ("category", "x" * 201, "At most 200"),
        ("attributes", "red", "JSON object"),
        ("attributes", "{'a': 1}", "JSON object"),
        ("attributes", [1], "JSON object"),
        ("attributes", 5, "JSON object"),
        ("attributes", {"a": "\x00"}, "NUL"),
        ("attributes", {"a": "\ud800"}, "surrogate"),
        ("attributes", {f"name{number}": 1 for number in range(101)}, "At most 100 attributes"),
        ("attributes", {"a": "x" * 70_000}, "64 KiB"),
        ("attributes", {"a": [[[[[[[[[[[[1]]]]]]]]]]]]}, "10 levels"),
        ("attributes", '{"a": NaN}', "NaN is no JSON"),
        ("attributes", '{"a": 1e999}', "finite"),
        ("attributes", "[" * 100_000, "nested too deep"),
        ("attributes.a", "x" * 70_000, "64 KiB"),
        ("attributes.a", "\x00", "NUL"),
        ("box", "1,2,3", "four numbers"),
        ("box", "1,2,3,4,5", "four numbers"),
        ("box", "1,2,3,x", "is a number"),
        ("box", "1,2,3,nan", "is a number"),
        ("box", "1,2,3,1_0", "is a number"),
        ("box", "1,2,3,1e999", "finite"),
        ("box", [1, 2, 3, 10**400], "finite"),
        ("box", "3,2,3,4", "x1 < x2"),
        ("box", "1,5,3,4", "y1 < y2"),
        ("box", {"x1": 1}, "four numbers"),
        ("style_of", "1", "no variant of itself"),
        ("style_of", "x" * 101, "At most 100"),
        ("score_threshold", "high", "is a number"),
        ("score_threshold", "0,5", "is a number"),
        ("score_threshold", 1.01, "from -1 to 1"),
        ("score_threshold", "-2", "from -1 to 1"),
    ],
)
def test_row_that_cannot_be_used_names_column_and_value(column: str, value: Any, says: str) -> None:
    for row in read_both(**{column: value}):
        message = problem_of(row)
        assert says in message
        assert repr(column) in message
        assert len(message) <= 500
        assert message.isprintable()
        assert "\x00" not in row.sku + row.photo
        assert len(row.sku) <= 100
        assert len(row.photo) <= 2000


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("sku", ["a"], "Wanted is text"),
        ("sku", 1.5, "Wanted is text"),
        ("sku", True, "Wanted is text"),
        ("sku", "a\ud800", "surrogate"),
        ("image", {"url": "a"}, "Wanted is text"),
        ("title", ["a"], "Wanted is text"),
        ("box", [1, 2, 3, True], "is a number"),
        ("box", [1, 2, 3, None], "is a number"),
        ("score_threshold", False, "is a number"),
        ("score_threshold", [0.5], "is a number"),
        ("attributes.a", {"b": "\ud800"}, "surrogate"),
    ],
)
def test_value_of_another_kind_is_the_problem_of_its_row(column: str, value: Any, says: str) -> None:
    row = read_only_row(json.dumps({"sku": "1", "image": "a", column: value}), "m.jsonl")
    assert says in problem_of(row)
    assert repr(column) in problem_of(row)


def test_attribute_that_is_said_twice_is_the_problem_of_its_row() -> None:
    for row in read_both(**{"attributes": {"a": 1}, "attributes.a": "2"}):
        assert "name it too" in problem_of(row)


def test_attributes_are_bounded_together() -> None:
    half = "x" * 40_000
    for row in read_both(**{"attributes": {"a": half}, "attributes.b": half}):
        assert problem_of(row) == "attributes: At most 64 KiB of JSON."


def test_problem_calls_the_column_by_the_manifests_own_name() -> None:
    file = io.BytesIO(b"Nr;image\n" + b"x" * 101 + b";a\n")
    (row,) = read_manifest(file, filename="m.csv", columns={"sku": "Nr"})
    assert problem_of(row).startswith("'Nr': At most 100")


@pytest.mark.parametrize("name", ["m.csv", "M.CSV", "a/b.tsv", "a\\b.jsonl", "x.y.ndjson", "/m.csv"])
def test_manifest_is_known_by_its_name(name: str) -> None:
    assert is_manifest(name)


@pytest.mark.parametrize(
    "name", ["m.json", "csv", "m.csv.gz", "a.csv/b", ".csv", "__MACOSX/._m.csv", "", "a.xlsx"]
)
def test_other_file_is_no_manifest(name: str) -> None:
    assert not is_manifest(name)
