"""A manifest as rows, whatever it is written in."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from transfer.errors import SourceRefused
from transfer.sources.manifests.columns import check_mapping
from transfer.sources.manifests.json_lines import read_objects
from transfer.sources.manifests.row import ManifestRow
from transfer.sources.manifests.tables import read_table
from transfer.sources.manifests.text import ManifestText

MAX_ROWS: Final = 1_000_000
_TABLES: Final = frozenset({".csv", ".tsv"})
_JSON_LINES: Final = frozenset({".jsonl", ".ndjson"})


def is_manifest(name: str) -> bool:
    """Whether a file's name says that it is a manifest. Hidden files are none."""
    plain = name.replace("\\", "/").rpartition("/")[2]
    return not plain.startswith(".") and _suffix(plain) in _TABLES | _JSON_LINES


def read_manifest(file: BinaryIO, *, filename: str, columns: Mapping[str, str]) -> Iterator[ManifestRow]:
    """The rows of a manifest, streamed: the file is read once, from where it stands, in blocks.

    filename: its ending says what it is written in. columns: our name (`sku`, `title`, `category`,
    `attributes`, `attributes.<name>`, `image`, `box`, `style_of`, `score_threshold`) to the manifest's own,
    where it is another. Rows are in the order of the file, and their lines increase.

    Raises `SourceRefused`, before the first row except for the last of these: the name is no manifest's,
    `columns` maps what is none of ours, the file holds no rows or no text, columns that are needed are
    missing or named twice, there are more than `MAX_ROWS` rows.
    """
    if not is_manifest(filename):
        endings = ", ".join(sorted(_TABLES | _JSON_LINES))
        raise SourceRefused(f"{filename!r} is not a manifest's name; it ends in one of {endings}.")
    check_mapping(columns)
    read = read_table if _suffix(filename) in _TABLES else read_objects
    number = 0
    for number, row in enumerate(read(ManifestText(file), columns), start=1):
        if number > MAX_ROWS:
            raise SourceRefused(f"Line {row.line}: a manifest has at most {MAX_ROWS:,} rows. Split it.")
        yield row
    if not number:
        raise SourceRefused("The manifest holds no rows.")


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
