"""Tables of things with ids, which people copy from them."""

from typing import Final

from rich.box import SIMPLE
from rich.table import Table

_ID_WIDTH: Final = 36


def open_id_table(*names: str, title: str | None = None) -> Table:
    """A table with these columns; the first is of ids, and never cut, however narrow the terminal is."""
    table = Table(box=SIMPLE, pad_edge=False, title=title, title_justify="left")
    table.add_column(names[0], no_wrap=True, min_width=_ID_WIDTH)
    for name in names[1:]:
        table.add_column(name)
    return table
