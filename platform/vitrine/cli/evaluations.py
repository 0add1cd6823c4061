"""A gallery's own quality, measured by the service."""

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from vitrine.cli.galleries import GalleryArgument, JsonOption, find_gallery
from vitrine.cli.progress import follow_job
from vitrine.cli.session import open_session, print_json
from vitrine.comparison_tables import print_comparison
from vitrine.consoles import open_console
from vitrine.jobs import check_job


def evaluate_gallery(
    context: typer.Context,
    gallery: GalleryArgument,
    *,
    source: Annotated[
        Literal["leave_one_out", "queries"],
        typer.Option(help="Ask with the gallery's own photos, each left out, or with its labelled queries."),
    ] = "leave_one_out",
    sample: Annotated[int, typer.Option(min=10, max=5000, help="Ask with at most so many photos.")] = 500,
    as_json: JsonOption = False,
) -> None:
    """Measure ways of ranking side by side."""
    with open_session(context, resuming="The job goes on: vitrine jobs --kind evaluate") as client:
        found = find_gallery(client, gallery).id
        job = client.start_evaluation(found, source=source, sample=sample)
        ended = check_job(follow_job(client, job.id, quiet=as_json))
        comparison = client.read_evaluation(found, str(ended.result["evaluation"]))
    if as_json:
        print_json(asdict(comparison))
    else:
        print_comparison(open_console(), comparison)
