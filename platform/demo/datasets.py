"""Labelled photos for an evaluation: a folder with gallery.csv and query.csv (path,label,category)."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vitrine.errors import FileProblem

_COLUMNS: Final = ("path", "label")


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo and the product on it."""

    path: Path
    label: str
    category: str


@dataclass(frozen=True)
class Dataset:
    """The photos of both files that exist, and those that the files name in vain."""

    folder: Path
    gallery: tuple[LabelledPhoto, ...]
    queries: tuple[LabelledPhoto, ...]
    missing: tuple[Path, ...]


def read_dataset(folder: Path) -> Dataset:
    """Read both CSV files. Raises `FileProblem` where one is missing or malformed, or names no photo."""
    if not folder.is_dir():
        raise FileProblem("folder_missing", f"There is no folder {folder}.")
    tables = [read_table(folder / name) for name in ("gallery.csv", "query.csv")]
    found = [tuple(row for row in table if row.path.is_file()) for table in tables]
    missing = tuple(row.path for table in tables for row in table if not row.path.is_file())
    for name, rows in zip(("gallery.csv", "query.csv"), found, strict=True):
        if not rows:
            raise FileProblem("photos_missing", f"{folder / name} names no photo that exists.")
    return Dataset(folder, found[0], found[1], missing)


def read_table(path: Path) -> list[LabelledPhoto]:
    """The rows of one CSV file; paths are relative to its folder.

    UTF-8 with or without a byte order mark; a column `category` may be missing, blank lines are passed over.
    Raises `FileProblem` (csv_missing, csv_not_text, csv_columns, csv_row).
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise FileProblem("csv_missing", f"There is no file {path}.") from error
    except UnicodeDecodeError as error:
        raise FileProblem("csv_not_text", f"{path} is not UTF-8 text: {error.reason}.") from error
    reader = csv.DictReader(text.splitlines(), skipinitialspace=True)
    names = {name.strip().lower(): name for name in reader.fieldnames or () if name}
    for column in _COLUMNS:
        if column not in names:
            found = ", ".join(names) or "none"
            message = f"{path} has no column {column!r}. Wanted: path,label,category; found: {found}."
            raise FileProblem("csv_columns", message)
    return [_read_row(path, reader.line_num, row, names) for row in reader if any(row.values())]


def _read_row(path: Path, line: int, row: dict[str, str | None], names: dict[str, str]) -> LabelledPhoto:
    values = {column: (row.get(names.get(column, "")) or "").strip() for column in (*_COLUMNS, "category")}
    for column in _COLUMNS:
        if not values[column]:
            raise FileProblem("csv_row", f"{path}, line {line}: the column {column!r} is empty.")
    return LabelledPhoto(path.parent / values["path"], values["label"], values["category"])
