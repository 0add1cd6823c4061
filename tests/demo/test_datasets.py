from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.datasets import read_dataset, read_table
from demo.evaluation.outcomes import group_articles, name_gallery
from demo.skus import LONGEST, make_sku
from vitrine.errors import FileProblem

GROCERY = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "grocery"


def _write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding)
    return path


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"photo")


def test_table_keeps_spaces_commas_and_any_script(tmp_path: Path) -> None:
    table = _write(tmp_path, "gallery.csv", 'path,label,category\n"a b/ñ, 1.jpg",Kåldolmar 茶,Été\n')
    (row,) = read_table(table)
    assert row.path == tmp_path / "a b/ñ, 1.jpg"
    assert (row.label, row.category) == ("Kåldolmar 茶", "Été")


def test_table_reads_a_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    table = _write(tmp_path, "gallery.csv", "path,label,category\r\n1.jpg,Tea,\r\n\r\n", "utf-8-sig")
    assert [(row.label, row.category) for row in read_table(table)] == [("Tea", "")]


def test_table_does_without_a_category(tmp_path: Path) -> None:
    table = _write(tmp_path, "gallery.csv", "Label, Path\nTea,1.jpg\n")
    assert read_table(table)[0].path == tmp_path / "1.jpg"


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("path,category\n1.jpg,x\n", "csv_columns", "gallery.csv has no column 'label'"),
        ("label\nTea\n", "csv_columns", "gallery.csv has no column 'path'"),
        ("", "csv_columns", "no column 'path'"),
        ("path,label\n1.jpg,\n", "csv_row", "line 2: the column 'label' is empty"),
    ],
)
def test_table_names_what_is_wrong(tmp_path: Path, text: str, code: str, message: str) -> None:
    with pytest.raises(FileProblem, match=message) as caught:
        read_table(_write(tmp_path, "gallery.csv", text))
    assert caught.value.code == code


def test_table_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gallery.csv").write_bytes(b"path,label\n\xff\xfe,x\n")
    with pytest.raises(FileProblem, match="is not UTF-8"):
        read_table(tmp_path / "gallery.csv")


def test_dataset_lists_missing_photos_and_goes_on(tmp_path: Path) -> None:
    _touch(tmp_path, "a.jpg", "q.jpg")
    _write(tmp_path, "gallery.csv", "path,label\na.jpg,A\ngone.jpg,A\n")
    _write(tmp_path, "query.csv", "path,label\nq.jpg,A\n")
    found = read_dataset(tmp_path)
    assert found.missing == (tmp_path / "gone.jpg",)
    assert [row.path.name for row in found.gallery] == ["a.jpg"]


def test_dataset_without_any_photo_is_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "a.jpg")
    _write(tmp_path, "gallery.csv", "path,label\na.jpg,A\n")
    _write(tmp_path, "query.csv", "path,label\n")
    with pytest.raises(FileProblem, match=r"query\.csv names no photo"):
        read_dataset(tmp_path)


def test_dataset_names_the_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"no file .*gallery\.csv"):
        read_dataset(tmp_path)
    with pytest.raises(FileProblem, match="no folder"):
        read_dataset(tmp_path / "nowhere")


def test_dataset_reads_the_grocery_photos() -> None:
    if not GROCERY.is_dir():
        pytest.skip("the shared grocery photos are not on this machine")
    found = read_dataset(GROCERY)
    assert (len(found.gallery), len(found.queries), found.missing) == (972, 296, ())
    assert len(group_articles(found.gallery)) == len({row.label for row in found.gallery})


def test_gallery_name_belongs_to_the_list_of_photos(tmp_path: Path) -> None:
    _touch(tmp_path, "a.jpg", "b.jpg")
    _write(tmp_path, "query.csv", "path,label\na.jpg,A\n")
    _write(tmp_path, "gallery.csv", "path,label\na.jpg,A\n")
    first = name_gallery(read_dataset(tmp_path))
    assert first == name_gallery(read_dataset(tmp_path))
    _write(tmp_path, "gallery.csv", "path,label\nb.jpg,A\n")
    assert name_gallery(read_dataset(tmp_path)) != first


@pytest.mark.parametrize("label", ["Alpro-Blueberry", "T-Shirt", "a", "7.5_x"])
def test_sku_of_a_plain_label_is_the_label(label: str) -> None:
    assert make_sku(label) == label


def test_skus_of_alike_labels_differ() -> None:
    labels = [
        "Crème Fraîche",
        "Creme Fraiche",
        "Creme/Fraiche",
        "茶",
        "咖啡",
        "x" * 200,
        "x" * 201,
        " a",
        "a",
    ]
    assert len({make_sku(label) for label in labels}) == len(labels)


def test_label_that_looks_like_a_made_sku_is_not_mistaken_for_it() -> None:
    made = make_sku("a b")
    assert make_sku(made) != made


@given(st.text(min_size=1), st.text(min_size=1))
def test_sku_is_plain_short_stable_and_its_own(label: str, other: str) -> None:
    sku = make_sku(label)
    assert sku.isascii()
    assert 0 < len(sku) <= LONGEST
    assert all(letter.isalnum() or letter in "._-" for letter in sku)
    assert sku == make_sku(label)
    assert (sku == make_sku(other)) == (label == other)
