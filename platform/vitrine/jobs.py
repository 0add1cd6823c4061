"""Jobs of the service: looked at, waited for, cancelled, tried again."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vitrine.errors import JobFailed, ServiceUnreachable
from vitrine.pages import list_rows
from vitrine.setbacks import Setbacks, StallWatch
from vitrine.transport import Transport

_POLL_S: Final = 0.25
_LONGEST_POLL_S: Final = 2.0
Watching = Callable[["JobRow"], None]


@dataclass(frozen=True)
class JobRow:
    """A long piece of work: pending, running, succeeded, failed, errored or cancelled.

    total, done, failed, skipped, pending: items by how they ended; of an import, rows that are in all,
    indexed, failed, there already, and not ended. items_per_second and seconds_left: None while unknown.
    asked: of an import, what it was asked for, as `ImportWish` says it.
    """

    id: str
    kind: str
    state: str
    gallery: str | None = None
    total: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    pending: int = 0
    items_per_second: float | None = None
    seconds_left: float | None = None
    retry_of: str | None = None
    asked: Mapping[str, Any] | None = None
    code: str = ""
    message: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    created_at: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state not in {"pending", "running"}


@dataclass(frozen=True)
class ItemRow:
    """A row of an import: pending, stored, indexed, duplicate, failed or planned.

    conflicts: ids of photos of other products that look the same.
    """

    line: int
    sku: str
    name: str
    state: str
    code: str = ""
    message: str = ""
    image: str | None = None
    duplicate_of: str | None = None
    conflicts: tuple[str, ...] = ()


class Jobs:
    """The shop's jobs. All methods raise `ApiProblem` and `ServiceUnreachable`."""

    def __init__(self, transport: Transport, sleep: Callable[[float], None]) -> None:
        self._transport = transport
        self._sleep = sleep

    def list_jobs(
        self, *, gallery: str | None = None, kind: str | None = None, state: str | None = None
    ) -> Iterator[JobRow]:
        """Jobs, newest first; of one gallery, kind or state where that is said."""
        said = {"gallery": gallery, "kind": kind, "state": state}
        wanted = {name: value for name, value in said.items() if value is not None}
        return map(read_job, list_rows(self._transport, "/v1/jobs", wanted))

    def read(self, job: str) -> JobRow:
        """The job as it is now, by id."""
        return read_job(self._transport.send("GET", f"/v1/jobs/{job}"))

    def list_items(
        self, job: str, *, state: str | None = None, conflicts: bool | None = None
    ) -> Iterator[ItemRow]:
        """The rows of an import in their order; of one state, or only those with (without) conflicts."""
        wanted: dict[str, str] = {} if state is None else {"state": state}
        if conflicts is not None:
            wanted["conflicts"] = "true" if conflicts else "false"
        return map(_read_item, list_rows(self._transport, f"/v1/jobs/{job}/items", wanted))

    def cancel(self, job: str) -> JobRow:
        """The job, cancelled; what it has done stays."""
        return read_job(self._transport.send("POST", f"/v1/jobs/{job}/cancel"))

    def retry(self, job: str) -> JobRow:
        """The new job that imports the failed rows of an import again."""
        return read_job(self._transport.send("POST", f"/v1/jobs/{job}/retry"))

    def download_report(self, job: str, write: Callable[[bytes], object]) -> None:
        """Hand on how each row of an import ended, as CSV in UTF-8."""
        self._transport.download(f"/v1/jobs/{job}/report.csv", write)

    def download_archive(self, job: str, write: Callable[[bytes], object]) -> None:
        """Hand on the ZIP that an export has written."""
        self._transport.download(f"/v1/jobs/{job}/archive", write)

    def wait(self, job: str, *, watching: Watching | None = None, stall_s: float | None = None) -> JobRow:
        """The job once it has ended, whichever way; `watching` is shown it until then.

        A service that is away for a while is waited for. Raises `GaveUpWaiting` when neither state nor
        counts have changed for `stall_s` seconds; None waits for ever.
        """
        setbacks, stall = Setbacks(self._sleep), StallWatch(stall_s)
        started = time.monotonic()
        while True:
            try:
                row = self.read(job)
            except ServiceUnreachable as error:
                setbacks.bear(error)
                continue
            setbacks.forget()
            if row.ended:
                return row
            if watching is not None:
                watching(row)
            stall.look(f"the {row.kind} job is {row.state}, {count_ended(row)} of {row.total} done")
            # A job that takes long need not be looked at as often.
            self._sleep(min(max(_POLL_S, (time.monotonic() - started) / 60), _LONGEST_POLL_S))


def check_job(row: JobRow) -> JobRow:
    """The job. Raises `JobFailed` for one that ended without success."""
    if row.ended and row.state != "succeeded":
        raise JobFailed(row.code or row.state, f"The {row.kind} job {row.id} {row.state}. {row.message}")
    return row


def count_ended(row: JobRow) -> int:
    """Items of the job that have ended, whichever way."""
    return row.done + row.failed + row.skipped


def read_job(row: Mapping[str, Any]) -> JobRow:
    """A job from its JSON."""
    counts = row.get("counts") or {}
    return JobRow(
        id=str(row["id"]),
        kind=str(row["kind"]),
        state=str(row["state"]),
        gallery=row.get("gallery"),
        total=int(counts.get("total", 0)),
        done=int(counts.get("done", 0)),
        failed=int(counts.get("failed", 0)),
        skipped=int(counts.get("skipped", 0)),
        pending=int(counts.get("pending", 0)),
        items_per_second=row.get("items_per_second"),
        seconds_left=row.get("seconds_left"),
        retry_of=row.get("retry_of"),
        asked=row.get("asked"),
        code=str(row.get("code", "")),
        message=str(row.get("message", "")),
        result=row.get("result") or {},
        created_at=row.get("created_at"),
    )


def _read_item(row: Mapping[str, Any]) -> ItemRow:
    return ItemRow(
        line=int(row["line"]),
        sku=str(row["sku"]),
        name=str(row["name"]),
        state=str(row["state"]),
        code=str(row["code"]),
        message=str(row["message"]),
        image=row["image"],
        duplicate_of=row["duplicate_of"],
        conflicts=tuple(map(str, row["conflicts"])),
    )
