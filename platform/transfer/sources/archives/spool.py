"""Rows put down in one order and taken up in another, on disk where they are many."""

import json
from array import array
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

from transfer.errors import RowRefused
from transfer.sources.source import SourceRow

_IN_MEMORY = 4 * 2**20


class RowSpool:
    """Takes the rows of a manifest, which come in any order, and gives them by rank; equals as they came."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by __exit__
        self._ranks = array("q")
        self._offsets = array("q")

    def put(self, rank: int, row: SourceRow) -> None:
        """Put a row down; all of them before the first is taken up."""
        self._ranks.append(rank)
        self._offsets.append(self._file.tell())
        problem = row.problem and (row.problem.code, row.problem.message)
        said = (row.line, row.sku, row.place, row.name, dict(row.fields), problem)
        self._file.write(json.dumps(said).encode() + b"\n")

    def __iter__(self) -> Iterator[SourceRow]:
        for number in sorted(range(len(self._ranks)), key=self._ranks.__getitem__):
            self._file.seek(self._offsets[number])
            line, sku, place, name, fields, problem = json.loads(self._file.readline())
            refused = RowRefused(problem[1], code=problem[0]) if problem else None
            yield SourceRow(line, sku, place, name, fields, refused)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
