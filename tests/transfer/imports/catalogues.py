"""Catalogues to import, and the worker that a test plays."""

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from jobs.models import Job, JobItem
from jobs.progress import run_job
from tenants.models import ReferenceImage
from tests.retrieval.shelf import Shelf, list_stored_files
from tests.retrieval.stock import assert_whole, make_job
from transfer.errors import RowRefused
from transfer.imports.request import ImportRequest
from transfer.imports.running import run_import
from transfer.sources.source import SourceRow
from transfer.uploads.receiving import store_upload


def pack(files: Mapping[str, bytes | str]) -> io.BytesIO:
    """A ZIP of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    packed.seek(0)
    return packed


def ask_import(shelf: Shelf, files: Mapping[str, bytes | str], **asked: Any) -> Job:
    """The job that imports a ZIP of these files, which nobody is asked to run."""
    upload = store_upload("catalogue.zip", pack(files))
    return make_import(shelf, upload=upload.pk, **asked)


def make_import(shelf: Shelf, **asked: Any) -> Job:
    """A job of this request, which nobody is asked to run. Drawn photos may look alike: only copies count."""
    request = ImportRequest(**{"near_duplicates": None, **asked})
    return make_job(shelf, Job.Kind.IMPORT, **request.as_input())


@dataclass
class Catalogue:
    """A `Source` whose rows and photos are in memory.

    reading: called before each photo is read, with its place. listing: before each row, with its line.
    """

    rows: Sequence[SourceRow]
    photos: Mapping[str, bytes] = field(default_factory=dict)
    reading: Callable[[str], object] = lambda _place: None
    listing: Callable[[int], object] = lambda _line: None

    def list_rows(self) -> Iterator[SourceRow]:
        for row in self.rows:
            self.listing(row.line)
            yield row

    def read_photo(self, place: str) -> bytes:
        self.reading(place)
        if place not in self.photos:
            raise RowRefused("There is no such photo.", code="photo_missing")
        return self.photos[place]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def list_rows(photos: Mapping[str, bytes], **fields: Any) -> list[SourceRow]:
    """A row for each photo; the SKU is what stands before the `/`."""
    return [
        SourceRow(line=line, sku=place.split("/")[0], place=place, name=place, fields=fields)
        for line, place in enumerate(photos, start=1)
    ]


def catalogue(photos: Mapping[str, bytes], **fields: Any) -> Catalogue:
    """A catalogue of these photos; the SKU is what stands before the `/`."""
    return Catalogue(list_rows(photos, **fields), photos)


def run_slice(job: Job) -> Job:
    """One slice of the job as a worker does it, whoever held it before; the job as it is then."""
    Job.objects.filter(pk=job.pk).update(leased_until="2020-01-01T00:00Z")
    with run_job(job.pk) as claimed:
        assert claimed is not None
        run_import(claimed)
    return Job.objects.get(pk=job.pk)


def run_to_end(job: Job, slices: int = 60) -> Job:
    """Slice after slice, until the job has ended."""
    for _ in range(slices):
        job = run_slice(job)
        if job.state not in (Job.State.PENDING, Job.State.RUNNING):
            return job
    raise AssertionError(f"the import has not ended in {slices} slices: {job.state} {job.code} {job.message}")


def states_of(job: Job) -> dict[str, str]:
    """By name of the photo, how its row stands: the state, and the code where it has one."""
    rows = JobItem.objects.filter(job=job).values_list("name", "state", "code")
    return {name: f"{state} {code}".strip() for name, state, code in rows}


def counts_of(job: Job) -> tuple[int, int, int, int]:
    """(total, done, failed, skipped)."""
    return job.total, job.done, job.failed, job.skipped


def assert_exact(shelf: Shelf, job: Job, store: Any) -> None:
    """Every row has ended, images are the rows indexed, each with a file of its own, and no other file."""
    rows = JobItem.objects.filter(job=job)
    assert not rows.filter(state__in=["pending", "stored"]).exists()
    assert not rows.filter(ended_at=None).exists()
    live = ReferenceImage.objects.filter(gallery=shelf.gallery, deleted_at=None)
    indexed = rows.filter(state="indexed")
    assert not indexed.filter(place="").exclude(image=None).exists()
    assert set(live.filter(state="indexed").values_list("pk", flat=True)) == set(
        indexed.exclude(place="").values_list("image", flat=True)
    )
    owned = {
        file.rpartition("/")[2]
        for file in ReferenceImage.objects.filter(gallery=shelf.gallery).values_list("file", flat=True)
    }
    assert list_stored_files(shelf) == owned
    assert len(owned) == ReferenceImage.objects.filter(gallery=shelf.gallery).count()
    assert_whole(shelf, store)
