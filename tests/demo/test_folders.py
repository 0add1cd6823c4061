from pathlib import Path

import pytest

from demo.folders import Query, read_products, read_queries
from vitrine.errors import FileProblem


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"photo")


def test_products_are_the_folders_with_pictures(tmp_path: Path) -> None:
    _touch(tmp_path, "Té verde/1.JPG", "Té verde/2.png", "Té verde/notes.txt", "loose.jpg", ".hidden/1.jpg")
    (tmp_path / "empty").mkdir()
    (product,) = read_products(tmp_path)
    assert product.name == "Té verde"
    assert [path.name for path in product.photos] == ["1.JPG", "2.png"]


def test_queries_expect_their_folder_or_unknown_or_nothing(tmp_path: Path) -> None:
    _touch(tmp_path, "tea/1.jpg", "stranger/2.jpg", "3.jpg")
    assert read_queries(tmp_path, ["tea", "coffee"]) == [
        Query(tmp_path / "3.jpg", None, judged=False),
        Query(tmp_path / "stranger/2.jpg", None),
        Query(tmp_path / "tea/1.jpg", "tea"),
    ]


def test_missing_and_empty_folders_say_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="There is no folder") as caught:
        read_products(tmp_path / "nowhere")
    assert caught.value.code == "folder_missing"
    with pytest.raises(FileProblem, match=r"<product>/\*\.jpg") as caught:
        read_products(tmp_path)
    assert caught.value.code == "folder_empty"
    with pytest.raises(FileProblem, match="holds no pictures"):
        read_queries(tmp_path, [])


def test_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "photos.zip")
    with pytest.raises(FileProblem, match="is a file, not a folder"):
        read_products(tmp_path / "photos.zip")
