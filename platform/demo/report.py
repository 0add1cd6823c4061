"""The demo's table of answers and its closing lines, for a terminal or a log."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demo.importing import Imported
from demo.skus import make_sku
from demo.trial import Result, Summary

_NAME_WIDTH: Final = 34


def print_results(console: Console, results: Sequence[Result], titles: Mapping[str, str]) -> None:
    """A row per query: what was answered, expected, and how long each stage took.

    titles: the product's title by its SKU; `call ms` is what the caller waited, HTTP included.
    """
    stages = list(dict.fromkeys(stage for each in results if each.answer for stage in each.answer.timings_ms))
    table = Table(title="Recognised queries (times in ms)", box=SIMPLE, pad_edge=False)
    for name in ("Query", "Answer"):
        table.add_column(name, no_wrap=True, max_width=_NAME_WIDTH)
    table.add_column("Score", justify="right", no_wrap=True, min_width=5)
    table.add_column("Expected", no_wrap=True, max_width=_NAME_WIDTH)
    table.add_column("")
    for stage in (*stages, "call"):
        name = stage.removesuffix("_ms")
        table.add_column(name, justify="right", no_wrap=True, min_width=max(len(name), 5))
    for result in results:
        table.add_row(*_make_row(result, stages, titles))
    console.print(table)


def print_summary(console: Console, summary: Summary) -> None:
    """The line with how many were right."""
    parts = []
    if summary.known:
        parts.append(f"known products right: {summary.known_right} of {summary.known}")
        share = summary.nearest_right / summary.known
        parts.append(
            f"best candidate right (recall@1): {summary.nearest_right} of {summary.known} ({share:.1%})"
        )
    if summary.unknown:
        parts.append(f"unknown ones named unknown: {summary.unknown_right} of {summary.unknown}")
    if summary.refused:
        parts.append(f"unreadable or refused: {summary.refused}")
    if summary.unanswered:
        parts.append(f"[red]without an answer: {summary.unanswered}[/red]")
    console.print("; ".join(parts) if parts else "No expectation was given, so none is judged.")


def print_import(console: Console, imported: Imported) -> None:
    """What the import did, and each photo that failed."""
    console.print(
        f"{imported.products} products created, {imported.photos} photos sent, "
        f"{imported.already_there} were there already ({imported.seconds:.1f} s)"
    )
    for failure in imported.failures:
        console.print(
            f"[yellow]not indexed[/yellow] {escape(failure.name)}: {escape(failure.message)} ({failure.code})"
        )


def _make_row(result: Result, stages: Sequence[str], titles: Mapping[str, str]) -> list[str]:
    name = escape(f"{result.query.path.parent.name}/{result.query.path.name}")
    expected = escape(_name_expectation(result, titles))
    answer = result.answer
    if answer is None:
        colour = "yellow" if result.refused else "red"
        return [
            name,
            f"[{colour}]{escape(result.problem or '')}[/{colour}]",
            "-",
            expected,
            "",
            *[""] * len(stages),
            "",
        ]
    mark = {True: "[green]ok[/green]", False: "[red]no[/red]", None: ""}[result.right]
    score = "-" if answer.score is None else f"{answer.score:.3f}"
    times = [f"{answer.timings_ms[stage]:.1f}" if stage in answer.timings_ms else "" for stage in stages]
    named = escape(answer.product.title or answer.product.sku) if answer.product else "unknown"
    return [name, named, score, expected, mark, *times, f"{result.total_ms:.0f}"]


def _name_expectation(result: Result, titles: Mapping[str, str]) -> str:
    if not result.query.judged:
        return "-"
    if result.query.expected is None:
        return "unknown"
    return titles.get(make_sku(result.query.expected)) or result.query.expected
