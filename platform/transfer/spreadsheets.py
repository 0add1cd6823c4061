"""Tables for people, as CSV that spreadsheets open without harm."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

_BYTE_ORDER_MARK: Final = "\ufeff"
# OWASP, "CSV Injection": what a spreadsheet takes for the start of a formula, wide forms too; where a cell
# starts, or after what a spreadsheet of another country, in which commas part no cells, takes for its end.
_SIGNS: Final = "=+@\uff1d\uff0b\uff0d\uff20\\-"
_FORMULA: Final = re.compile(rf"""^(?=[{_SIGNS}\t\r\n])|(?<=[;|\t\r\n])(?=["\s]*[{_SIGNS}])""")


class _Passing:
    """A file that hands each line straight back, through `writerow`."""

    def write(self, line: str) -> str:
        return line


def write_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a CSV file, each with its end, from a byte order mark and the header on, row by row.

    UTF-8 is meant: the mark tells Excel so. A text that a spreadsheet would run as a formula gets an
    apostrophe before it.
    """
    writer = csv.writer(_Passing(), lineterminator="\r\n")
    yield _BYTE_ORDER_MARK + writer.writerow(columns)
    for row in rows:
        yield writer.writerow([_disarm(cell) for cell in row])


def _disarm(cell: Any) -> Any:
    return _FORMULA.sub("'", cell) if isinstance(cell, str) else cell
