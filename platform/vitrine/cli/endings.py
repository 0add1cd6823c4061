"""How a job ended: its counts, the first rows that failed, and what that makes the command's exit status."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any, Final

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vitrine.cli.session import SERVICE, UNWELL
from vitrine.client import VitrineClient
from vitrine.jobs import ItemRow, JobRow

_SHOWN: Final = 10
_PLANS: Final = (
    ("created", "products created"),
    ("updated", "products changed"),
    ("retired", "products deleted"),
    ("would_create", "products would be created"),
    ("would_update", "products would be changed"),
    ("retire_count", "products would be deleted"),
)


def tell_status(row: JobRow) -> int:
    """The exit status: 1 where rows failed, or the source was refused, or somebody cancelled."""
    if row.state == "errored":
        return SERVICE
    return UNWELL if row.failed or (row.ended and row.state != "succeeded") else 0


def describe_job(client: VitrineClient, row: JobRow) -> dict[str, Any]:
    """The job as JSON values, with the first rows that failed."""
    failed = islice(client.jobs.list_items(row.id, state="failed"), _SHOWN) if row.failed else ()
    return {**asdict(row), "first_failures": [asdict(item) for item in failed]}


def print_job(console: Console, client: VitrineClient, row: JobRow) -> None:
    """The job's counts and what is wrong, with what can be done about it."""
    console.print(f"[bold]{row.kind} {row.state}[/bold] {row.id}", soft_wrap=True)
    console.print(_tabulate_counts(row))
    for line in _list_remarks(row):
        console.print(escape(line), soft_wrap=True)
    if row.kind != "import":
        return
    if row.failed:
        _print_items(console, "The first rows that failed", client.jobs.list_items(row.id, state="failed"))
        console.print(f"All rows: vitrine report {row.id}. Again: vitrine retry {row.id}", soft_wrap=True)
    if row.done:
        twins = client.jobs.list_items(row.id, conflicts=True)
        _print_items(console, "Photos that look like another product's; review them", twins)


def _tabulate_counts(row: JobRow) -> Table:
    counts = {"rows": row.total, "indexed": row.done, "there already": row.skipped, "failed": row.failed}
    if row.kind != "import":
        counts = {"items": row.total, "done": row.done, "skipped": row.skipped, "failed": row.failed}
    if row.pending:
        counts["pending"] = row.pending
    table = Table(box=SIMPLE, pad_edge=False)
    for name in counts:
        table.add_column(name, justify="right")
    table.add_row(*map(str, counts.values()))
    return table


def _list_remarks(row: JobRow) -> Iterator[str]:
    if row.message:
        yield f"{row.message} ({row.code})"
    plan = [f"{row.result[name]} {said}" for name, said in _PLANS if row.result.get(name)]
    if plan:
        yield ", ".join(plan)
    if retired := row.result.get("would_retire"):
        more = ", ..." if row.result.get("retire_count", 0) > _SHOWN else ""
        yield f"would be deleted: {', '.join(retired[:_SHOWN])}{more}"
    if row.failed:
        return  # the rows say it themselves
    for problem in row.result.get("problems", [])[:_SHOWN]:
        yield f"line {problem.get('line')}: {problem.get('message')}"


def _print_items(console: Console, title: str, items: Iterable[ItemRow]) -> None:
    found = list(islice(items, _SHOWN))
    if not found:
        return
    table = Table(
        "Line", "SKU", "Photo", "Why", box=SIMPLE, pad_edge=False, title=title, title_justify="left"
    )
    for item in found:
        why = f"{item.message} ({item.code})" if item.message else ", ".join(item.conflicts)
        table.add_row(str(item.line), escape(item.sku), escape(item.name), escape(why))
    console.print(table)
