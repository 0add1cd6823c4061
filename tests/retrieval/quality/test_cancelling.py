"""Measurements that are cancelled: nothing is kept that nobody wants."""

from collections.abc import Callable
from typing import Any

import pytest

from jobs.cancelling import cancel_job
from jobs.models import Job
from jobs.progress import run_job
from retrieval.quality import calibrating, evaluating
from retrieval.quality.calibrating import run_calibration, start_calibration
from retrieval.quality.evaluating import run_evaluation, start_evaluation
from tenants.models import Calibration, Evaluation
from tests.retrieval.moments import act_after, act_before, once
from tests.retrieval.quality.clusters import ClusteredGallery

MEASURED: dict[str, tuple[Any, Any, str]] = {
    "calibration": (calibrating, run_calibration, "calibrate"),
    "evaluation": (evaluating, run_evaluation, "evaluate"),
}


def start(made: ClusteredGallery, what: str) -> Job:
    if what == "calibration":
        return start_calibration(gallery=made.gallery, false_accept_rate=None, trigger="test")
    said: dict[str, Any] = {"source": "leave_one_out", "policies": [[]], "sample": 20, "trigger": "test"}
    return start_evaluation(gallery=made.gallery, **said)


def run_to_its_end(job: Job, work: Callable[[Job], None]) -> Job:
    with run_job(job.pk) as claimed:
        assert claimed is not None
        work(claimed)
    return Job.objects.get(pk=job.pk)


@pytest.mark.parametrize("moment", ["while it measures", "before it is kept"])
@pytest.mark.parametrize("what", MEASURED)
def test_cancelled_measurement_is_not_kept(
    made: ClusteredGallery, monkeypatch: pytest.MonkeyPatch, what: str, moment: str
) -> None:
    module, work, measure = MEASURED[what]
    job = start(made, what)
    cancel = once(lambda: cancel_job(Job.objects.get(pk=job.pk)))
    if moment == "while it measures":
        act_before(monkeypatch, module, "report_progress", cancel)
    else:
        act_after(monkeypatch, module, measure, cancel)

    ended = run_to_its_end(job, work)

    assert (ended.state, ended.code, ended.result) == (Job.State.CANCELLED, "cancelled", {})
    assert not Calibration.objects.exists()
    assert not Evaluation.objects.exists()
