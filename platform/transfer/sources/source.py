"""What an import reads: rows, and the photo of a row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from tenants.errors import DomainError


@dataclass(frozen=True)
class SourceRow:
    """One photo of one product, or a product without one.

    line: its place in the manifest or archive, from 1, once per source. place: how this source finds the
    photo again, in a process that has not listed the rows; "" where the row has none. name: what the photo is
    called, for people. fields: `title`, `category`, `attributes` (JSON object), `box` (x1, y1, x2, y2 in
    pixels of the upright photo), `style_of` (a SKU), `score_threshold`, as far as the row says them. problem:
    why the row cannot be used, if so.
    """

    line: int
    sku: str
    place: str
    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    problem: DomainError | None = None


class PhotoReader(Protocol):
    """Reads photos that lie elsewhere than the rows that name them, such as behind URLs."""

    def read_photo(self, place: str) -> bytes:
        """The bytes of the photo. Raises `RowRefused`; `jobs.errors.Unavailable` to be tried again."""
        ...


class Source(Protocol):
    """A catalogue to import. Opened anew in every slice of a job, so opening is cheap."""

    def list_rows(self) -> Iterator[SourceRow]:
        """All rows in the order in which their photos are best read; the same in every process.

        What is wrong with the whole (header, columns, sizes, an unsafe or damaged archive) raises
        `SourceRefused`, as early as it can be known; what is wrong with one row is the row's `problem`.
        """
        ...

    def read_photo(self, place: str) -> bytes:
        """The bytes of a row's photo. Raises `RowRefused`; `jobs.errors.Unavailable` to be tried again."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
