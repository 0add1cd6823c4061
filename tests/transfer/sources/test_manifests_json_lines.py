import json

import pytest

from tests.transfer.sources.manifest_rows import problem_of, read_refusal, read_rows

GOOD = '{"sku": "1", "image": "a.jpg"}'


def test_lines_are_counted_with_blank_ones() -> None:
    rows = read_rows(f"\n{GOOD}\n\n   \n{GOOD}", "m.jsonl")
    assert [row.line for row in rows] == [2, 5]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_json_lines_are_read_in_each_encoding(encoding: str) -> None:
    text = '{"sku": "ä", "image": "a.jpg", "title": "\\u00fc"}\r\n' * 3
    rows = read_rows(text.encode(encoding), "m.ndjson")
    assert [(row.sku, row.fields["title"]) for row in rows] == [("ä", "ü")] * 3


def test_separators_that_json_allows_in_text_end_no_line() -> None:
    line = json.dumps({"sku": "1", "image": "a\u2028b\x85c"}, ensure_ascii=False)
    (row,) = read_rows(line, "m.jsonl")
    assert row.photo == "a\u2028b\x85c"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "no JSON"),
        ('{"sku": NaN, "image": "a"}', "NaN is no JSON"),
        ("[]", "no JSON object"),
        ("null", "no JSON object"),
        ('"text"', "no JSON object"),
        ("[" * 100_000, "nested too deep"),
        ("9" * 5000, "no JSON"),
        ("{}", "There is no 'sku'. Found: nothing"),
        ('{"sku": "2", "SKU": "3", "image": "a"}', "may be any of"),
        ('{"sku": "2", "image": "' + "a" * 300_000 + '"}', "longer than"),
        (GOOD + GOOD, "Extra data"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_bad_line_is_its_own_problem(line: str, says: str, *, first: bool) -> None:
    lines = [line, GOOD] if first else [GOOD, line]
    rows = read_rows("\n".join(lines), "m.jsonl")
    assert [row.line for row in rows] == [1, 2]
    assert says in problem_of(rows[0 if first else 1])
    assert rows[1 if first else 0].problem is None


@pytest.mark.parametrize("line", ['{"sku": "2"}', '{"sku": "2", "image": null}', '{"sku": "2", "image": ""}'])
@pytest.mark.parametrize("first", [True, False])
def test_line_without_an_image_is_a_product_without_a_photo(line: str, *, first: bool) -> None:
    rows = read_rows("\n".join([line, GOOD] if first else [GOOD, line]), "m.jsonl")
    assert [row.problem for row in rows] == [None, None]
    assert sorted((row.sku, row.photo) for row in rows) == [("1", "a.jpg"), ("2", "")]


def test_file_that_never_names_an_image_is_refused() -> None:
    refusal = read_refusal('{"sku": "1", "picture": "a"}\n{"sku": "2"}\n', "m.jsonl")
    assert "Line 1: There is no 'image'. Found: 'sku', 'picture'." in refusal.message
    assert [each.line for each in refusal.problems] == [1, 2]


def test_line_that_is_not_text_is_its_own_problem() -> None:
    good = '{"sku": "1", "image": "äöü"}\n'.encode()
    rows = read_rows(good + b'{"sku": "\xff", "image": "a"}\n' + good, "m.jsonl")
    assert "the byte 0xFF" in problem_of(rows[1])
    assert [row.problem is None for row in rows] == [True, False, True]


def test_columns_names_keys() -> None:
    line = '{"item": "1", "picture": "a", "colour": "red"}'
    columns = {"sku": "item", "image": "picture", "attributes.c": "colour", "title": "label"}
    (row,) = read_rows(line, "m.jsonl", columns)
    assert (row.sku, row.photo, row.fields) == ("1", "a", {"attributes": {"c": "red"}})


def test_file_of_other_keys_is_refused_with_the_keys_found() -> None:
    refusal = read_refusal('{"id": "1", "picture": "a"}\n' * 3, "m.jsonl")
    assert "Found: 'id', 'picture'" in refusal.message
    assert [each.line for each in refusal.problems] == [1, 2, 3]


def test_json_array_over_lines_is_refused() -> None:
    text = json.dumps([{"sku": "1", "image": "a"}] * 500, indent=1)
    refusal = read_refusal(text, "m.jsonl")
    assert "No line is a JSON object with 'sku' and 'image'" in refusal.message
    assert len(refusal.problems) == 100


def test_rows_that_all_have_bad_values_are_not_refused() -> None:
    rows = read_rows('{"sku": "", "image": "a"}\n' * 5, "m.jsonl")
    assert len([problem_of(row) for row in rows]) == 5


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_file_without_lines_is_refused(text: str) -> None:
    assert "no rows" in read_refusal(text, "m.jsonl").message
