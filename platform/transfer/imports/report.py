"""The report of an import, row by row, as a table that spreadsheets open without harm."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from jobs.models import JobItem
from transfer.spreadsheets import write_table

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


def write_report(items: Iterable[JobItem]) -> Iterator[str]:
    """The lines of a CSV file, as `write_table` makes them.

    items: as they are to appear; a queryset's `iterator()`, so that neither queries nor memory grow with the
    import. Nothing is read of an item but its own columns.
    """
    return write_table(COLUMNS, (_describe_item(item) for item in items))


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
