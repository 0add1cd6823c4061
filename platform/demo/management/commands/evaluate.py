"""`python manage.py evaluate --data DIR`: recall, mAP and acceptance on labelled photos."""

import json
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError
from rich.console import Console
from rich.markup import escape

from demo.datasets import Dataset, read_dataset
from demo.evaluation.figures import find_figures
from demo.evaluation.labelled_queries import bring_queries
from demo.evaluation.outcomes import BARE, SHIPPED, Subject, evaluate_dataset
from demo.evaluation.representations import describe_representations, measure_representations
from demo.evaluation.tables import (
    find_gain,
    print_bare,
    print_figures,
    print_representations,
)
from demo.evaluation.ways import compare_ways, describe_comparison
from demo.importing import Failure
from demo.report import print_import
from demo.service import find_url, open_client, wait_until_ready
from demo.settling import Told
from tenants.management.operating import OperatorCommand
from vitrine.client import VitrineClient
from vitrine.comparison_tables import print_comparison
from vitrine.consoles import open_console
from vitrine.errors import ApiProblem, JobFailed, VitrineError

_SHOWN: Final = 20
# What the service says where no query's product is in the gallery, or there are no queries.
_TOO_LITTLE: Final = frozenset({"too_few_photos", "no_labelled_queries"})


class Command(OperatorCommand):
    """Imports and asks through the API, so that what is measured is what customers get."""

    help = "Measure recognition on a folder with gallery.csv and query.csv (path,label,category)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The data, what else to measure, and where the figures go."""
        parser.add_argument(
            "--data", type=Path, required=True, metavar="DIR", help="folder with both CSV files"
        )
        parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures as JSON, too")
        parser.add_argument(
            "--bare", action="store_true", help="also the embedder alone, on whole pictures, in the same run"
        )
        parser.add_argument(
            "--representations",
            action="store_true",
            help="also float, binary and hybrid indexes, each ranked",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Evaluate and print; failed photos are listed and do not fail the run."""
        console = open_console()
        figures: dict[str, Any] = {}
        try:
            dataset = read_dataset(options["data"])
            _print_missing(console, dataset)
            with console.status("waiting for the service") as status, open_client() as client:
                wait_until_ready(find_url(), tell=status.update)
                run = _Run(client, console, status.update, dataset, figures)
                run.measure(bare=options["bare"], representations=options["representations"])
        except VitrineError as error:
            raise CommandError(str(error)) from error
        finally:
            # What was measured before something failed has taken minutes, and is true.
            if options["out"] and figures:
                write_figures(options["out"], figures)


@dataclass(frozen=True)
class _Run:
    """One run over a set of photos; each part prints its table, and adds its figures."""

    client: VitrineClient
    console: Console
    tell: Told
    dataset: Dataset
    figures: dict[str, Any]

    def measure(self, *, bare: bool, representations: bool) -> None:
        """All parts that are wanted, the quick ones first."""
        gallery, shipped = self._ask(SHIPPED)
        self.figures.update(shipped)
        print_figures(self.console, shipped)
        self._compare_ways(gallery)
        if bare:
            self._compare_bare(shipped)
        if representations:
            measured = measure_representations(self.client, gallery, self.tell)
            self.figures.update(describe_representations(measured))
            print_representations(self.console, measured)

    def _compare_ways(self, gallery: str) -> None:
        self._print_failures(bring_queries(self.client, gallery, self.dataset.queries, self.tell))
        try:
            comparison = compare_ways(self.client, gallery, self.tell)
        except (ApiProblem, JobFailed) as problem:
            if problem.code not in _TOO_LITTLE:
                raise
            self.console.print(f"The service cannot evaluate itself: {escape(problem.message)}")
            return
        self.figures["ways_of_ranking"] = describe_comparison(comparison)
        print_comparison(self.console, comparison)

    def _compare_bare(self, shipped: dict[str, Any]) -> None:
        _, bare = self._ask(BARE)
        self.figures["bare"] = {**bare, "pipeline_minus_bare_points": find_gain(shipped, bare)}
        print_bare(self.console, shipped, bare)

    def _ask(self, subject: Subject) -> tuple[str, dict[str, Any]]:
        """The id of the subject's gallery, and the figures of all queries."""
        evaluation = evaluate_dataset(self.client, self.dataset, self.tell, subject)
        print_import(self.console, evaluation.imported)
        self._print_failures(evaluation.failures)
        return evaluation.gallery.id, find_figures(evaluation)

    def _print_failures(self, failures: Iterable[Failure]) -> None:
        for failure in failures:
            said = f"{escape(failure.name)}: {escape(failure.message)} ({failure.code})"
            self.console.print(f"[yellow]no answer[/yellow] {said}")


def write_figures(path: Path, figures: dict[str, Any]) -> None:
    """The figures as JSON. Raises `CommandError` where the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(figures, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    except OSError as error:
        raise CommandError(f"The figures cannot be written to {path}: {error.strerror}.") from error


def _print_missing(console: Console, dataset: Dataset) -> None:
    for path in dataset.missing[:_SHOWN]:
        console.print(f"[yellow]missing[/yellow] {escape(str(path))}")
    if len(dataset.missing) > _SHOWN:
        console.print(f"... and {len(dataset.missing) - _SHOWN} more missing files")
