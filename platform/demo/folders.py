"""The user's own photos: a folder per product, and query photos with or without an expectation."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vitrine.errors import FileProblem

PICTURES: Final = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic", ".avif"}
)


@dataclass(frozen=True)
class ProductFolder:
    """A product by its folder's name, and its photos."""

    name: str
    photos: tuple[Path, ...]


@dataclass(frozen=True)
class Query:
    """A photo to recognise.

    `expected` is a product's name; None means that the product is in no folder, so "unknown" is right, and
    `judged` is False where nothing is expected.
    """

    path: Path
    expected: str | None
    judged: bool = True


def read_products(folder: Path) -> list[ProductFolder]:
    """The folders in `folder` that hold pictures. Raises `FileProblem` (folder_missing, folder_empty)."""
    products = [
        ProductFolder(each.name, tuple(photos))
        for each in _list_folders(folder)
        if (photos := _list_pictures(each))
    ]
    if not products:
        message = f"{folder} holds no product folder with pictures. Wanted: {folder}/<product>/*.jpg"
        raise FileProblem("folder_empty", message)
    return products


def read_queries(folder: Path, products: Iterable[str]) -> list[Query]:
    """Query photos: `<product>/*.jpg` with an expectation, files right in the folder without one.

    Raises `FileProblem` (folder_missing, folder_empty).
    """
    known = set(products)
    queries = [Query(path, None, judged=False) for path in _list_pictures(_check_folder(folder))]
    for each in _list_folders(folder):
        expected = each.name if each.name in known else None
        queries += [Query(path, expected) for path in _list_pictures(each)]
    if not queries:
        message = f"{folder} holds no pictures. Wanted: {folder}/<product>/*.jpg or {folder}/*.jpg"
        raise FileProblem("folder_empty", message)
    return queries


def _check_folder(folder: Path) -> Path:
    if not folder.exists():
        raise FileProblem("folder_missing", f"There is no folder {folder}.")
    if not folder.is_dir():
        raise FileProblem("folder_missing", f"{folder} is a file, not a folder.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise FileProblem("folder_unreadable", f"{folder} may not be read by this user.")
    return folder


def _list_folders(folder: Path) -> list[Path]:
    return sorted(
        each for each in _check_folder(folder).iterdir() if each.is_dir() and not each.name.startswith(".")
    )


def _list_pictures(folder: Path) -> list[Path]:
    return sorted(each for each in _check_folder(folder).iterdir() if is_picture(each))


def is_picture(path: Path) -> bool:
    """Whether the name says picture; what is in the file is for the service to judge."""
    return path.suffix.lower() in PICTURES and not path.name.startswith(".") and path.is_file()
