"""The evaluation's tables, for a terminal or a log."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demo.evaluation.representations import Measured, find_hybrid_loss
from vitrine.answers import ModelRow
from vitrine.comparison_tables import open_table, show_share, show_way


def print_figures(console: Console, figures: dict[str, Any]) -> None:
    """The figures as a table, with what was counted below."""
    table = Table("Figure", title=escape(f"Evaluation of {figures['setting']['data']}"))
    table.add_column("Value", justify="right")
    search, recognise = figures["search"], figures["recognize"]
    for name, value in (
        ("recall@1 (nearest image)", search["recall_at_1"]),
        ("recall@5 (five nearest images)", search["recall_at_5"]),
        (f"mAP (first {search['top_k']} images)", search["mean_average_precision"]),
        ("recall@1 (recognize, best candidate)", recognise["recall_at_1"]),
        ("recall@5 (recognize, five candidates)", recognise["recall_at_5"]),
    ):
        table.add_row(name, show_share(value))
    for each in figures["acceptance"]:
        threshold = "none" if each["threshold"] is None else f"{each['threshold']:.3f}"
        table.add_row(
            f"true accepts at {each['allowed']:.0%} false (threshold {threshold})",
            f"{each['true_accepts']:.1%}",
        )
    for name, value in figures["timings"].items():
        table.add_row(name, "-" if value is None else f"{value:.1f}")
    console.print(table)
    console.print(
        ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in figures["counts"].items())
    )
    console.print(f"models: {figures['setting']['models']}", markup=False)


def print_representations(console: Console, measured: Sequence[Measured]) -> None:
    """Every representation with every way of ranking, then plain search in each."""
    table = open_table("Quality of representations", "Representation", "Ranking")
    for each in measured:
        for place, way in enumerate(each.comparison.ways):
            mark = " (recommended)" if place == each.comparison.recommended else ""
            name = each.variant.name if place == 0 else ""
            table.add_row(name, escape(way.name) + mark, *show_way(way))
        table.add_section()
    console.print(table)
    console.print(_tabulate_plain(measured))
    loss = find_hybrid_loss(measured)
    console.print(
        f"hybrid minus exact float, plain search: {loss:+.1f} points of recall@1 (wanted: within 0.5)"
    )


def print_bare(console: Console, shipped: dict[str, Any], bare: dict[str, Any]) -> None:
    """What the pipeline gains over the embedder alone."""
    table = Table(
        "Of `recognize`", title="The pipeline against the bare embedder on whole pictures", box=SIMPLE
    )
    for name in ("recall@1", "recall@5", "mAP (search)"):
        table.add_column(name, justify="right")
    for name, figures in (("pipeline as shipped", shipped), ("bare embedder, cosine", bare)):
        recognise, search = figures["recognize"], figures["search"]
        shares = (recognise["recall_at_1"], recognise["recall_at_5"], search["mean_average_precision"])
        table.add_row(name, *map(show_share, shares))
    console.print(table)
    gain = find_gain(shipped, bare)
    if gain is not None:
        console.print(f"pipeline minus bare: {gain:+.1f} points of recall@1 (wanted on grocery: at least 4)")


def find_gain(shipped: dict[str, Any], bare: dict[str, Any]) -> float | None:
    """Points of recall@1 that the pipeline has over the bare embedder; None without queries."""
    whole, part = shipped["recognize"]["recall_at_1"], bare["recognize"]["recall_at_1"]
    return None if whole is None or part is None else 100 * float(whole - part)


def _tabulate_plain(measured: Iterable[Measured]) -> Table:
    table = open_table("Plain search", "Representation", "Stored", "Fitted on")
    for each in measured:
        stored = ", ".join(map(_name_vector, each.models))
        fitted = ", ".join(str(model.projected_on or "-") for model in each.models)
        table.add_row(each.variant.name, stored, fitted, *show_way(each.comparison.plain))
    return table


def _name_vector(model: ModelRow) -> str:
    if model.representation == "float":
        return f"{model.stored_dim} floats"
    return f"{model.stored_dim} bits ({model.binarizer or 'sign'})"
