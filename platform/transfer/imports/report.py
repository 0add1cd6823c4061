"""The report of an import, row by row, as a table that spreadsheets open without harm."""

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from jobs.models import JobItem

COLUMNS: Final = (
    "line",
    "sku",
    "name",
    "state",
    "code",
    "message",
    "image",
    "duplicate_of",
    "conflicts",
)
_BYTE_ORDER_MARK: Final = "\ufeff"
# OWASP, "CSV Injection": what a spreadsheet takes for the start of a formula, wide forms too; where a cell
# starts, or after what a spreadsheet of another country, in which commas part no cells, takes for its end.
_SIGNS: Final = "=+@\uff1d\uff0b\uff0d\uff20\\-"
_FORMULA: Final = re.compile(rf"""^(?=[{_SIGNS}\t\r\n])|(?<=[;|\t\r\n])(?=["\s]*[{_SIGNS}])""")


class _Passing:
    """A file that hands each line straight back, through `writerow`."""

    def write(self, line: str) -> str:
        return line


def write_report(items: Iterable[JobItem]) -> Iterator[str]:
    """The lines of a CSV file, each with its end, from a byte order mark and the header on.

    items: as they are to appear; a queryset's `iterator()`, so that neither queries nor memory grow with the
    import. Nothing is read of an item but its own columns. UTF-8 is meant: the mark tells Excel so. A text
    that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    writer = csv.writer(_Passing(), lineterminator="\r\n")
    yield _BYTE_ORDER_MARK + writer.writerow(COLUMNS)
    for item in items:
        yield writer.writerow([_disarm(cell) for cell in _describe_item(item)])


def _describe_item(item: JobItem) -> list[Any]:
    return [
        item.line,
        item.sku,
        item.name,
        item.state,
        item.code,
        item.message,
        item.image_id or "",
        item.duplicate_of or "",
        " ".join(str(conflict) for conflict in item.conflicts),
    ]


def _disarm(cell: Any) -> Any:
    return _FORMULA.sub("'", cell) if isinstance(cell, str) else cell
