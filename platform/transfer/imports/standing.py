"""How far an import is, in `Job.result`: kept in the transaction that made it so.

While it runs: `rows` listed, `listed` once that is all of them, `created` and `updated` products, `problems`
of lines (the first hundred), and the SKUs and rows after which the next slice goes on, which are dropped at
the end.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from jobs.errors import JobCancelled
from jobs.items import ItemCounts, count_items
from jobs.models import Job
from jobs.progress import report_progress
from transfer.errors import LineProblem

MAX_PROBLEMS = 100
_MARKS = (
    "rows",
    "listed",
    "products_after",
    "products_stored",
    "styles_after",
    "styles_linked",
    "bare_after",
    "bare_ended",
)


def keep_standing(job: Job, **changes: Any) -> None:
    """Add to the result. Raises `JobCancelled` when nobody wants it any more.

    In a transaction it holds the job's row until the end, so that whoever cancels sees all of it or nothing.
    """
    job.result = {**job.result, **changes}
    if not Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(result=job.result):
        raise JobCancelled("The job was cancelled.")


def drop_marks(job: Job) -> None:
    """Leave in the result what is of interest once the import has ended."""
    job.result = {name: value for name, value in job.result.items() if name not in _MARKS}


def add_problems(job: Job, problems: Iterable[LineProblem]) -> list[dict[str, Any]]:
    """The problems known so far and these, the first hundred."""
    known: list[dict[str, Any]] = job.result.get("problems", [])
    return [*known, *(asdict(problem) for problem in problems)][:MAX_PROBLEMS]


def report_items(job: Job) -> ItemCounts:
    """Store how many rows have ended how. Raises `JobCancelled`.

    An import that gets on is not hopeless, however often its workers are killed: its attempts start anew.
    """
    counts = count_items(job.pk)
    got_on = counts.unfinished < job.total - job.done - job.failed - job.skipped
    job.total, job.failed, job.skipped = counts.total, counts.failed, counts.skipped
    report_progress(job, done=counts.done)
    if got_on:
        Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, attempts__gt=1).update(attempts=1)
    return counts
