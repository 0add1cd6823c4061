import pytest

from tests.transfer.sources.manifest_rows import problem_of, read_only_row, read_refusal, read_rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_table_is_read_with_each_delimiter_and_line_end(delimiter: str, end: str) -> None:
    lines = [["sku", "title", "image"], ["1", "One", "1.jpg"], ["2", "Two", "2.jpg"]]
    text = "".join(delimiter.join(line) + end for line in lines)
    rows = read_rows(text)
    assert [(row.line, row.sku, row.photo, row.fields) for row in rows] == [
        (2, "1", "1.jpg", {"title": "One"}),
        (3, "2", "2.jpg", {"title": "Two"}),
    ]


@pytest.mark.parametrize(
    "header",
    [
        'sku;image;"a, b, c and d, e"',
        'sku|image|"x;y;z;w"',
        '"sku";"image";"long, long, long, very long"',
        "sku;image;size, colour, form, weight",
        "a,b,c;sku;d,e,f;image",
    ],
)
def test_delimiter_is_the_one_that_makes_our_columns(header: str) -> None:
    width = 4 if header.startswith("a") else 3
    delimiter = "|" if "|" in header else ";"
    cells = ["x"] * width
    assert read_only_row(f"{header}\n{delimiter.join(cells)}\n").sku == "x"


def test_delimiter_is_the_one_that_the_first_line_says() -> None:
    (row,) = read_rows("sep=;\r\nsku;image\r\n1;a.jpg\r\n")
    assert (row.line, row.sku) == (3, "1")


def test_quotes_hold_delimiters_quotes_and_lines() -> None:
    rows = read_rows('sku,title,image\n1,"a ""b"", c\nd",1.jpg\n2,plain,2.jpg\n')
    assert rows[0].fields == {"title": 'a "b", c\nd'}
    assert [row.line for row in rows] == [2, 4]


def test_blank_lines_are_skipped_and_counted() -> None:
    rows = read_rows("\n\nsku;image\n\n1;a\n;;\n  \n2;b\n;\n")
    assert [(row.line, row.sku) for row in rows] == [(5, "1"), (8, "2")]


def test_ragged_row_is_its_own_problem() -> None:
    rows = read_rows("sku,title,image\n1,a\n2,b,b.jpg,c\n3,c,c.jpg,,\n")
    assert "2 cells where the header has 3" in problem_of(rows[0])
    assert "4 cells where the header has 3. Last: 'c'" in problem_of(rows[1])
    assert rows[2].problem is None
    assert [row.sku for row in rows] == ["1", "2", "3"]


def test_quote_that_is_never_closed_costs_its_own_line_only() -> None:
    rows = read_rows('sku,title,image\n1,a,a.jpg\n2,"b,b.jpg\n3,c,c.jpg\n4,d,d.jpg\n')
    assert "never closed" in problem_of(rows[1])
    assert [(row.line, row.sku) for row in rows] == [(2, "1"), (3, ""), (4, "3"), (5, "4")]


def test_over_long_line_and_cell_are_their_own_problems() -> None:
    long_line = ",".join(["y" * 1000] * 300)
    rows = read_rows(f"sku,image,note\n1,a,{'x' * 140_000}\n2,b,{long_line}\n3,c,\n")
    assert "at most 131,072" in problem_of(rows[0])
    assert "262,144" in problem_of(rows[1])
    assert (rows[2].line, rows[2].sku, rows[2].problem) == (4, "3", None)


def test_nul_is_the_problem_of_its_row() -> None:
    rows = read_rows("sku,title,image\n1,a\x00b,a.jpg\n2,b,b.jpg\n")
    assert "'title': Text with NUL" in problem_of(rows[0])
    assert rows[1].problem is None


@pytest.mark.parametrize("name", ["SKU", " Sku ", "s k u", "S-K_U"])
def test_column_is_found_however_it_is_spelt(name: str) -> None:
    assert read_only_row(f"{name},Image\n1,a\n").sku == "1"


@pytest.mark.parametrize("name", ["image_url", "Image URL", "image path", "image_link", "photo", "PHOTO"])
def test_image_goes_by_other_names(name: str) -> None:
    assert read_only_row(f"sku,name,{name}\n1,One,a.jpg\n").photo == "a.jpg"


def test_own_name_goes_before_another() -> None:
    row = read_only_row("sku,name,title,photo,image\n1,no,yes,no,yes\n")
    assert (row.fields, row.photo) == ({"title": "yes"}, "yes")


def test_columns_says_which_column_holds_what() -> None:
    text = "Artikelnummer;sku;Bild;Farbe;name\n1;2;a.jpg;rot;One\n"
    columns = {"sku": "Artikelnummer", "image": " bild", "attributes.colour": "Farbe"}
    (row,) = read_rows(text, columns=columns)
    assert (row.sku, row.photo) == ("1", "a.jpg")
    assert row.fields == {"title": "One", "attributes": {"colour": "rot"}}


def test_columns_may_take_a_name_that_means_something_else() -> None:
    (row,) = read_rows("name,image\n1,a\n", columns={"sku": "name"})
    assert (row.sku, row.fields) == ("1", {})


def test_columns_tells_columns_apart_that_differ_in_case() -> None:
    (row,) = read_rows("SKU,sku,image\n1,2,a\n", columns={"sku": "sku"})
    assert row.sku == "2"


def test_missing_columns_are_named_with_those_found() -> None:
    refusal = read_refusal("Artikelnummer;Bild\n1;a\n")
    assert [(each.line, each.message) for each in refusal.problems] == [
        (1, "There is no column for sku."),
        (1, "There is no column for image."),
    ]
    assert "Found: 'Artikelnummer', 'Bild'" in refusal.message
    assert '"columns": {"sku":' in refusal.message


def test_mapped_column_that_is_missing_is_named() -> None:
    refusal = read_refusal("sku,image\n1,a\n", columns={"sku": "Artikel", "title": "Titel"})
    assert [each.message for each in refusal.problems] == [
        "There is no column 'Artikel' for sku.",
        "There is no column 'Titel' for title.",
    ]


@pytest.mark.parametrize(
    "header",
    [
        "sku,SKU,image",
        "sku,image_url,photo",
        "sku,image,image",
        "sku,image,attributes.a,Attributes.a",
        "sku,image,title,Title",
    ],
)
def test_column_named_twice_is_refused(header: str) -> None:
    refusal = read_refusal(f"{header}\n1,2,3,4\n")
    assert "may be any of the columns" in refusal.message
    assert refusal.problems[0].line == 1


def test_column_that_is_not_read_may_stand_twice() -> None:
    assert read_only_row("sku,image,note,note,,\n1,a,,,,\n").problem is None


@pytest.mark.parametrize("name", ["colour", "attributes.", "SKU", ""])
def test_columns_with_a_name_that_is_none_of_ours_is_refused(name: str) -> None:
    refusal = read_refusal("sku,image\n1,a\n", columns={name: "sku"})
    assert f"maps {name!r}" in refusal.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("\n \n;;\n", "empty"),
        ("sku,image\n", "no rows"),
        ("sku,image\n\n,\n", "no rows"),
        ('"sku,image\n1,a\n', "Line 1: A quote is never closed"),
        ("sku,\x00image\n1,a\n", "not text"),
        ("\x01\x02\n", "not text"),
        (f"{'x' * 300_000}\n", "too long"),
    ],
)
def test_table_without_header_or_rows_is_refused(text: str, says: str) -> None:
    assert says in read_refusal(text).message
