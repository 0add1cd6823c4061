"""Jobs: listed, watched, cancelled, tried again, reported on."""

import sys
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape

from vitrine.cli.endings import describe_job, print_job, tell_status
from vitrine.cli.galleries import JsonOption, find_gallery
from vitrine.cli.id_tables import open_id_table
from vitrine.cli.progress import describe_pace, follow_job
from vitrine.cli.session import open_session, print_json
from vitrine.cli.targets import open_target
from vitrine.client import VitrineClient
from vitrine.consoles import open_console
from vitrine.jobs import JobRow

JobArgument = Annotated[UUID, typer.Argument(metavar="ID", help="The job's id.", show_default=False)]
WaitOption = Annotated[bool, typer.Option(help="Follow the job to its end.")]


def show_jobs(
    context: typer.Context,
    *,
    state: Annotated[str | None, typer.Option(help="Only jobs in this state, such as running.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only jobs of this kind, such as import.")] = None,
    gallery: Annotated[str | None, typer.Option(help="Only jobs of this gallery (name or id).")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List your jobs, newest first."""
    with open_session(context) as client:
        found = find_gallery(client, gallery).id if gallery else None
        rows = list(islice(client.jobs.list_jobs(gallery=found, kind=kind, state=state), limit))
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    table = open_id_table("Id", "Kind", "State", "Begun")
    for name in ("Items", "Done", "There already", "Failed"):
        table.add_column(name, justify="right")
    table.add_column("Pace")
    for row in rows:
        counts = map(str, (row.total, row.done, row.skipped, row.failed))
        begun = (row.created_at or "")[:16].replace("T", " ")
        table.add_row(row.id, row.kind, row.state, begun, *counts, escape(describe_pace(row)))
    open_console().print(table)


def show_job(
    context: typer.Context,
    job: JobArgument,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its end.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how far a job is, and how it ended."""
    with open_session(context, resuming=f"The job goes on: vitrine job {job} --watch") as client:
        finish_job(client, client.jobs.read(str(job)), wait=watch, as_json=as_json)


def cancel_job(context: typer.Context, job: JobArgument, *, as_json: JsonOption = False) -> None:
    """Cancel a job. What it has done stays."""
    with open_session(context) as client:
        row = client.jobs.cancel(str(job))
        if as_json:
            print_json(asdict(row))
        else:
            print_job(open_console(), client, row)


def retry_job(
    context: typer.Context, job: JobArgument, *, wait: WaitOption = True, as_json: JsonOption = False
) -> None:
    """Import the failed rows of an import again, as a new job."""
    with open_session(context, resuming="The job goes on: vitrine jobs") as client:
        finish_job(client, client.jobs.retry(str(job)), wait=wait, as_json=as_json)


def write_report(
    context: typer.Context,
    job: JobArgument,
    *,
    out: Annotated[Path | None, typer.Option(help="Write it to this file instead of stdout.")] = None,
) -> None:
    """Print how each row of an import ended, as CSV for a spreadsheet."""
    with open_session(context) as client:
        if out is None:
            client.jobs.download_report(str(job), sys.stdout.buffer.write)
            sys.stdout.flush()
        else:
            with open_target(out) as file:
                client.jobs.download_report(str(job), file.write)


def finish_job(client: VitrineClient, row: JobRow, *, wait: bool, as_json: bool) -> None:
    """Follow the job to its end where that is wanted, print it, and end the command with its status."""
    if wait and not row.ended:
        row = follow_job(client, row.id, quiet=as_json)
    if as_json:
        print_json(describe_job(client, row))
    else:
        print_job(open_console(), client, row)
    raise typer.Exit(tell_status(row) if wait else 0)
