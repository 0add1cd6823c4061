"""Calibrations of a gallery: asked for, run by a job, kept, and applied."""

from typing import Any

from django.db import transaction

from jobs.dispatch import create_job
from jobs.models import Job
from jobs.progress import report_progress
from retrieval.quality.calibration import calibrate
from retrieval.quality.measurements import keep_measurement
from retrieval.quality.sources import check_measurable, open_measured
from retrieval.quality.thresholding import CalibrationResult
from retrieval.ranking.measures import Curve
from retrieval.settings.gallery import merge_settings
from tenants.domain.audit import record_change
from tenants.errors import Conflict
from tenants.models import Calibration, Gallery


def start_calibration(*, gallery: Gallery, false_accept_rate: float | None, trigger: str) -> Job:
    """The job that calibrates the gallery; None takes the rate of its settings. Raises `Conflict`."""
    check_measurable(gallery)
    return create_job(
        tenant_id=gallery.tenant_id,
        gallery=gallery,
        kind=Job.Kind.CALIBRATE,
        trigger=trigger,
        given={"false_accept_rate": false_accept_rate},
    )


def run_calibration(job: Job) -> None:
    """Calibrate, and keep the result, at the very end. Raises `Conflict`, `Unavailable`."""
    gallery = job.gallery
    if gallery is None or gallery.deleted_at:
        return

    def tell(done: int, total: int) -> None:
        job.done, job.total = done, total
        report_progress(job, done=done)

    index, settings = open_measured(gallery)
    said = job.input.get("false_accept_rate")
    rate = settings.false_accept_rate if said is None else float(said)
    result = calibrate(index, settings, false_accept_rate=rate, tell=tell)
    calibration = keep_measurement(
        Calibration,
        job,
        index,
        settings,
        false_accept_rate=rate,
        threshold=result.threshold,
        message=result.message,
        result=describe_result(result),
    )
    if calibration is not None:
        job.result = {
            "calibration": str(calibration.pk),
            "threshold": calibration.threshold,
            "message": calibration.message,
        }


def describe_result(result: CalibrationResult) -> dict[str, Any]:
    """What was counted, as JSON values: how many scores, the shares accepted, and the curve."""
    return {
        "genuine": result.genuine,
        "impostors": result.impostors,
        "genuine_accepts": result.genuine_accepts,
        "false_accepts": result.false_accepts,
        "curve": [] if result.curve is None else _describe_curve(result.curve),
    }


def _describe_curve(curve: Curve) -> list[dict[str, float]]:
    points = zip(curve.thresholds, curve.genuine_accepts, curve.false_accepts, strict=True)
    return [
        {
            "threshold": round(float(threshold), 6),
            "genuine_accepts": round(float(genuine), 6),
            "false_accepts": round(float(false), 6),
        }
        for threshold, genuine, false in points
    ]


def apply_calibration(*, calibration: Calibration) -> Gallery:
    """Set the gallery's own threshold to the calibration's.

    Raises `Conflict` where it has none, or is of an index whose scores are no longer in use.
    """
    if calibration.threshold is None:
        raise Conflict(
            f"The calibration found no threshold. {calibration.message}", code="calibration_without_threshold"
        )
    with transaction.atomic():
        gallery = Gallery.objects.select_for_update().get(pk=calibration.gallery_id)
        if gallery.generation != calibration.generation:
            raise Conflict(
                "The gallery's index was rebuilt since, and its scores may differ. Calibrate again.",
                code="calibration_outdated",
            )
        before = gallery.settings
        gallery.settings = merge_settings(before, {"score_threshold": calibration.threshold})
        gallery.save(update_fields=["settings", "updated_at"])
        record_change(
            action="gallery.calibration_applied",
            object_id=gallery.pk,
            before={"settings": before},
            after={"settings": gallery.settings, "calibration": calibration.pk},
        )
    return gallery
