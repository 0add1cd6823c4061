"""The archive of an export, for whoever wants to have it."""

from typing import BinaryIO
from uuid import UUID

from jobs.models import Job
from tenants.errors import Conflict, NotFound
from transfer.uploads.lookup import get_upload
from transfer.uploads.reading import open_upload


def open_export(job: Job) -> tuple[str, int, BinaryIO]:
    """(filename, bytes, file) of the archive that the export has written.

    Raises `NotFound` (`archive_not_found`: the job writes none; `upload_not_found`: it has expired),
    `Conflict` (`archive_not_ready`).
    """
    if job.kind != Job.Kind.EXPORT:
        raise NotFound("A job of this kind writes no archive.", code="archive_not_found")
    if job.state != Job.State.SUCCEEDED:
        raise Conflict(
            f"The export has no archive to give; its state is {job.state}.", code="archive_not_ready"
        )
    upload = get_upload(UUID(job.result["upload"]))
    return upload.filename, upload.size, open_upload(upload)
