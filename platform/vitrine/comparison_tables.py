"""Ways of ranking side by side, for a terminal or a log."""

from typing import Final

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vitrine.comparisons import Comparison, WayOfRanking

_COLUMNS: Final = ("recall@1", "recall@5", "image recall@1", "mAP", "TA at 1% FA", "TA at 5% FA", "ms")


def print_comparison(console: Console, comparison: Comparison) -> None:
    """The service's own evaluation: every way of ranking, the recommended one marked."""
    title = (
        f"Ways of ranking, by the service's own evaluation: {comparison.queries} queries, "
        f"{comparison.strangers} strangers, index generation {comparison.generation}"
    )
    table = open_table(title, "Ranking")
    for place, way in enumerate(comparison.ways):
        mark = " (recommended)" if place == comparison.recommended else ""
        table.add_row(escape(way.name) + mark, *show_way(way))
    console.print(table)


def open_table(title: str, *names: str) -> Table:
    """A table for ways of ranking: these columns, then a figure each."""
    table = Table(title=title, box=SIMPLE, pad_edge=False)
    for name in names:
        table.add_column(name, no_wrap=True)
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def show_way(way: WayOfRanking) -> list[str]:
    """The figures of a way of ranking, as cells."""
    shares = (way.recall_at_1, way.recall_at_5, way.image_recall_at_1, way.mean_average_precision)
    accepts = [way.true_accepts.get(allowed) for allowed in (0.01, 0.05)]
    milliseconds = "-" if way.median_ms is None else f"{way.median_ms:.1f}"
    return [*map(show_share, shares), *map(show_share, accepts), milliseconds]


def show_share(share: float | None) -> str:
    """A share, 0 to 1, in percent."""
    return "-" if share is None else f"{share:.1%}"
