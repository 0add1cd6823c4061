"""What is shown on stderr while something takes its time."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from vitrine.client import VitrineClient
from vitrine.consoles import open_console
from vitrine.jobs import JobRow, count_ended


@contextmanager
def show_bytes(*, quiet: bool) -> Iterator[Progress]:
    """Bars that count bytes, with their speed and the time that is left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=open_console(stderr=True), disable=quiet) as progress:
        yield progress


def follow_job(client: VitrineClient, job: str, *, quiet: bool) -> JobRow:
    """The job once it has ended; until then a bar of rows, with the rate and the time the service reckons."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
    )
    with Progress(*columns, console=open_console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("waiting", total=None, pace="")

        def show(row: JobRow) -> None:
            progress.update(
                task,
                description=f"{row.kind} ({row.state})",
                total=row.total or None,
                completed=count_ended(row),
                pace=describe_pace(row),
            )

        ended = client.jobs.wait(job, watching=show)
        show(ended)
    return ended


def describe_pace(row: JobRow) -> str:
    """The rate and the time left, as far as they are known: `12.5 a second, 1:20:05 left`."""
    parts = []
    if row.items_per_second is not None:
        parts.append(f"{row.items_per_second:.1f} a second")
    if row.seconds_left is not None:
        minutes, seconds = divmod(round(row.seconds_left), 60)
        parts.append(f"{minutes // 60}:{minutes % 60:02}:{seconds:02} left")
    return ", ".join(parts)
