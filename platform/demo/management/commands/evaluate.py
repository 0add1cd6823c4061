"""`python manage.py evaluate --data DIR`: recall, mAP and acceptance on labelled photos."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demo.datasets import Dataset, read_dataset
from demo.errors import DemoError
from demo.evaluation import Evaluation, evaluate_dataset, find_figures
from demo.report import open_console, print_import
from demo.service import find_url, open_client, wait_until_ready

_SHOWN: Final = 20


class Command(BaseCommand):
    """Imports and asks through the API, so that what is measured is what customers get."""

    help = "Measure recognition on a folder with gallery.csv and query.csv (path,label,category)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The data, and where the figures go."""
        parser.add_argument(
            "--data", type=Path, required=True, metavar="DIR", help="folder with both CSV files"
        )
        parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures as JSON, too")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Evaluate and print; failed photos are listed and do not fail the run."""
        console = open_console()
        try:
            dataset = read_dataset(options["data"])
            _print_missing(console, dataset)
            evaluation = _evaluate(dataset, console)
        except DemoError as error:
            raise CommandError(str(error)) from error
        figures = find_figures(evaluation)
        print_figures(console, figures)
        if options["out"]:
            write_figures(options["out"], figures)


def write_figures(path: Path, figures: dict[str, Any]) -> None:
    """The figures as JSON. Raises `CommandError` where the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(figures, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    except OSError as error:
        raise CommandError(f"The figures cannot be written to {path}: {error.strerror}.") from error


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
        table.add_row(name, "-" if value is None else f"{value:.1%}")
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


def _evaluate(dataset: Dataset, console: Console) -> Evaluation:
    with console.status("waiting for the service") as status, open_client() as client:
        wait_until_ready(find_url(), tell=status.update)
        evaluation = evaluate_dataset(client, dataset, status.update)
    print_import(console, evaluation.imported)
    for failure in evaluation.failures:
        console.print(
            f"[yellow]no answer[/yellow] {escape(failure.name)}: {escape(failure.message)} ({failure.code})"
        )
    return evaluation


def _print_missing(console: Console, dataset: Dataset) -> None:
    for path in dataset.missing[:_SHOWN]:
        console.print(f"[yellow]missing[/yellow] {escape(str(path))}")
    if len(dataset.missing) > _SHOWN:
        console.print(f"... and {len(dataset.missing) - _SHOWN} more missing files")
