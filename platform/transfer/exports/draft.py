"""The archive of an export on its way: entries behind one another, and beside it a ledger of them.

The ledger holds, line by line, each row of the manifest and where its photo's entry lies. Both are uploads
that grow; how far they were good, and which row is next, is kept with the job, so that a killed export goes
on from there. At the end the ledger becomes the archive's manifest and its directory, neither ever held in
memory.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from jobs.models import Job
from jobs.progress import report_progress
from tenants.models import Upload
from tenants.models.identifiers import new_id
from transfer.exports.growing import GrowingFile, begin_file
from transfer.exports.zip_format import Entry, make_directory, make_header
from transfer.uploads.expiry import remove_upload
from transfer.uploads.reading import open_upload

_MANIFEST: Final = "manifest.jsonl"


class Draft:
    """What an export has written so far; `state` (job.input) is what the next process knows of it."""

    def __init__(self, job: Job, archive: GrowingFile, ledger: GrowingFile) -> None:
        self.archive = archive
        self._ledger = ledger
        self._job = job
        self._kept_at = archive.position

    def add_photo(self, row: dict[str, Any], data: bytes) -> None:
        """Write the photo to the place that its row says. Raises `Unavailable`."""
        entry = Entry(row["image"], self.archive.position, len(data), zlib.crc32(data))
        self.archive.write(make_header(entry))
        self.archive.write(data)
        self._note({"row": row, "entry": asdict(entry)})

    def add_product(self, row: dict[str, Any]) -> None:
        """Write the row of a product without a photo. Raises `Unavailable`."""
        self._note({"row": {**row, "image": ""}})

    def keep(self, **state: Any) -> None:
        """Let a next process go on from here. Raises `Unavailable`, `JobCancelled`."""
        self.archive.flush()
        self._ledger.flush()
        sizes = {"archive_size": self.archive.position, "ledger_size": self._ledger.position}
        self._job.input = {**self._job.input, **sizes, **state}
        with transaction.atomic():
            report_progress(self._job, done=self._job.done)
            self._job.save(update_fields=["input"])
        self._kept_at = self.archive.position

    def is_full(self) -> bool:
        """Whether so much was written since that it should be kept."""
        return self.archive.position - self._kept_at >= settings.UPLOAD_CHUNK_BYTES

    def finish(self, facts: bytes) -> None:
        """Write the manifest, `gallery.json` (facts) and the directory. Raises `Unavailable`."""
        self._ledger.finish()
        manifest = self._add_manifest()
        about = Entry("gallery.json", self.archive.position, len(facts), zlib.crc32(facts))
        self.archive.write(make_header(about) + facts)
        photos = (Entry(**line["entry"]) for line in self._read_ledger() if "entry" in line)
        for part in make_directory(_chain(photos, manifest, about), at=self.archive.position):
            self.archive.write(part)
        self.archive.flush()

    def _note(self, line: dict[str, Any]) -> None:
        self._ledger.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def _read_ledger(self) -> Iterator[dict[str, Any]]:
        if self._ledger.position:
            with open_upload(self._ledger.upload) as file:
                yield from map(json.loads, file)

    def _list_manifest(self) -> Iterator[bytes]:
        for line in self._read_ledger():
            yield json.dumps(line["row"], ensure_ascii=False).encode() + b"\n"

    def _add_manifest(self) -> Entry:
        """Through the ledger twice: what stands before an entry says its length."""
        size = crc = 0
        for line in self._list_manifest():
            size, crc = size + len(line), zlib.crc32(line, crc)
        entry = Entry(_MANIFEST, self.archive.position, size, crc)
        self.archive.write(make_header(entry))
        for line in self._list_manifest():
            self.archive.write(line)
        return entry


def open_draft(job: Job, *, filename: str) -> Draft:
    """The draft where it was kept last, or a new one. Raises `Unavailable`."""
    uploads = {str(upload.pk): upload for upload in list_drafts(job)}
    if len(uploads) < 2:  # noqa: PLR2004 - archive and ledger
        discard_drafts(job)
        return _begin_draft(job, filename)
    archive, ledger = (GrowingFile(uploads[job.input[name]]) for name in ("archive", "ledger"))
    archive.cut_back(job.input["archive_size"])
    ledger.cut_back(job.input["ledger_size"])
    return Draft(job, archive, ledger)


def list_drafts(job: Job) -> list[Upload]:
    """The uploads that the export writes, as far as they are there."""
    names = [job.input[name] for name in ("archive", "ledger") if name in job.input]
    return list(Upload.objects.filter(pk__in=names))


def discard_drafts(job: Job, *, but: str | None = None) -> None:
    """Remove what the export has written, except the upload of this id. Raises `Unavailable`."""
    for upload in list_drafts(job):
        if str(upload.pk) != but:
            remove_upload(upload)


def _begin_draft(job: Job, filename: str) -> Draft:
    names = {"archive": filename, "ledger": f"{filename}.ledger"}
    with transaction.atomic():
        files = [
            begin_file(upload_id=new_id(), tenant_id=job.tenant_id, filename=name) for name in names.values()
        ]
        sizes = {"archive_size": 0, "ledger_size": 0}
        job.input = {**dict(zip(names, (str(file.upload.pk) for file in files), strict=True)), **sizes}
        job.done = job.failed = 0
        job.save(update_fields=["input"])
    return Draft(job, *files)


def _chain(photos: Iterator[Entry], *others: Entry) -> Iterator[Entry]:
    yield from photos
    yield from others
