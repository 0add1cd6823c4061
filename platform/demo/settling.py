"""Waiting for what the service does by itself: jobs, and a gallery's follow-up work after an import."""

from collections.abc import Callable
from typing import Final

from vitrine.answers import GalleryRow, ModelRow
from vitrine.client import VitrineClient
from vitrine.jobs import JobRow, check_job
from vitrine.setbacks import StallWatch

Told = Callable[[str], None]

# The service fits projections from so many photos on, and again when there are half as many more. It looks
# every 10 s, at galleries that have been quiet for 5 s.
FITTED_FROM: Final = 300
_OUTGROWN: Final = 1.5
# It fits on no more than so many, however many there are.
_MOST_FITTED: Final = 20_000
_STALL_S: Final = 180.0
_PROJECTION: Final = "the projection is still to be fitted"


def wait_for_job(client: VitrineClient, job: str, tell: Told, *, stall_s: float = _STALL_S) -> JobRow:
    """The job once it has succeeded.

    Raises `JobFailed`, and `GaveUpWaiting` when neither state nor count has changed for `stall_s` seconds.
    """
    return check_job(client.jobs.wait(job, watching=lambda row: tell(_describe(row)), stall_s=stall_s))


def _describe(row: JobRow) -> str:
    return f"{row.kind}: {row.done} of {row.total}" if row.total else f"{row.kind}: {row.state}"


def wait_until_settled(
    client: VitrineClient, gallery: str, tell: Told, *, stall_s: float = _STALL_S
) -> GalleryRow:
    """The gallery once no photo is pending, no job is unfinished, and it is projected if it wants to be.

    Raises `JobFailed` when the projection could not be fitted, `GaveUpWaiting` when what is waited for has
    been the same for `stall_s` seconds.
    """
    stall = StallWatch(stall_s)
    while True:
        row = client.read_gallery(gallery)
        awaited = find_awaited(row)
        if awaited is None:
            return row
        if awaited == _PROJECTION:
            _check_reindex(client, gallery)
        tell(awaited)
        stall.look(awaited)
        client.pause()


def find_awaited(row: GalleryRow) -> str | None:
    """What the gallery's follow-up work still lacks, for people to read; None when it is settled."""
    if row.pending:
        return f"{row.pending} photos are still being indexed"
    if row.job:
        return f"job {row.job} of the gallery has not ended"
    wants = row.settings.get("index", {}).get("projection") == "pca" and row.indexed >= FITTED_FROM
    if wants and any(_is_outgrown(model, row.indexed) for model in row.models):
        return _PROJECTION
    return None


def _check_reindex(client: VitrineClient, gallery: str) -> None:
    newest = next(client.jobs.list_jobs(gallery=gallery, kind="reindex"), None)
    if newest is not None:
        check_job(newest)


def _is_outgrown(model: ModelRow, photos: int) -> bool:
    makes_codes_itself = model.binarized_on == 0
    fitted_on = model.projected_on or 0
    return not makes_codes_itself and fitted_on < _MOST_FITTED and photos >= _OUTGROWN * fitted_on
