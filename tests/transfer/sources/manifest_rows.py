"""Manifests in memory, and their rows."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

import pytest

from transfer.errors import SourceRefused
from transfer.sources.manifests import ManifestRow, read_manifest

HEADER = ("sku", "title", "image")


def read_rows(
    data: bytes | str, filename: str = "m.csv", columns: Mapping[str, str] | None = None
) -> list[ManifestRow]:
    """All rows of a manifest; text is UTF-8."""
    file = io.BytesIO(data.encode() if isinstance(data, str) else data)
    return list(read_manifest(file, filename=filename, columns=columns or {}))


def read_only_row(data: bytes | str, filename: str = "m.csv") -> ManifestRow:
    """The row of a manifest that has one."""
    (row,) = read_rows(data, filename)
    return row


def read_refusal(
    data: bytes | str, filename: str = "m.csv", columns: Mapping[str, str] | None = None
) -> SourceRefused:
    """Why a manifest is refused as a whole."""
    with pytest.raises(SourceRefused) as refused:
        read_rows(data, filename, columns)
    return refused.value


def problem_of(row: ManifestRow) -> str:
    """The message of a row that cannot be used."""
    assert row.problem is not None, row
    assert row.problem.code == "row_invalid"
    assert row.fields == {}
    return row.problem.message


def write_table(rows: Iterable[Sequence[object]], **dialect: object) -> str:
    """A table as Python's csv module writes it."""
    file = io.StringIO()
    csv.writer(file, **dialect).writerows(rows)  # type: ignore[arg-type]  # dialects are any keywords
    return file.getvalue()
