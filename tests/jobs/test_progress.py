"""A job from claim to end."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import progress
from jobs.errors import Unavailable
from jobs.models import Job
from jobs.progress import MAX_ATTEMPTS, report_progress, run_job
from tenants.errors import Conflict
from tests.conftest import wait_until
from tests.retrieval.shelf import Shelf, cleared, open_shelf, run_together


@pytest.fixture
def shelf(rows: None) -> Iterator[Shelf]:
    with cleared(open_shelf("acme")) as opened:
        yield opened


def make_job(shelf: Shelf, **fields: object) -> Job:
    kind = Job.Kind.PROVISION_GALLERY
    return Job.objects.create(tenant=shelf.tenant, gallery=shelf.gallery, kind=kind, trigger="t", **fields)


def past() -> object:
    return timezone.now() - timedelta(seconds=1)


def test_job_that_ends_well_has_succeeded_with_its_counts(shelf: Shelf) -> None:
    job_id = make_job(shelf).id
    with run_job(job_id) as job:
        assert job is not None
        assert Job.objects.get(pk=job_id).state == "running"
        job.total, job.done, job.result = 7, 7, {"made": 1}
    row = Job.objects.get(pk=job_id)
    assert (row.state, row.total, row.done, row.result, row.attempts) == ("succeeded", 7, 7, {"made": 1}, 1)
    assert row.started_at is not None
    assert row.finished_at is not None


def test_job_is_claimed_by_one_of_many_threads(shelf: Shelf) -> None:
    job_id = make_job(shelf).id

    def try_to_run() -> bool:
        with run_job(job_id) as job:
            return job is not None

    assert run_together(shelf, *[try_to_run] * 6).count(True) == 1
    assert Job.objects.get(pk=job_id).attempts == 1


@pytest.mark.parametrize("state", ["succeeded", "failed", "errored", "cancelled"])
def test_finished_job_is_not_run_again(shelf: Shelf, state: str) -> None:
    job_id = make_job(shelf, state=state).id
    with run_job(job_id) as job:
        assert job is None
    assert Job.objects.get(pk=job_id).state == state


def test_unknown_job_is_not_run(shelf: Shelf) -> None:
    with run_job(uuid.uuid4()) as job:
        assert job is None


def test_abandoned_job_is_taken_over_and_a_held_one_is_not(shelf: Shelf) -> None:
    held = make_job(shelf, state="running", leased_until=timezone.now() + timedelta(seconds=60)).id
    abandoned = make_job(shelf, state="running", leased_until=past(), attempts=1).id
    with run_job(held) as job:
        assert job is None
    with run_job(abandoned) as job:
        assert job is not None
    assert Job.objects.get(pk=abandoned).state == "succeeded"


def test_lease_is_renewed_while_the_job_runs(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_RENEW_EVERY_S", 0.05)
    job_id = make_job(shelf).id
    with run_job(job_id):
        Job.objects.filter(pk=job_id).update(leased_until=past())
        free = Job.objects.filter(pk=job_id, leased_until__lt=timezone.now())
        wait_until(lambda: not free.exists(), "the lease is renewed", 10)


def test_expected_failure_ends_the_job_with_its_code(shelf: Shelf) -> None:
    job_id = make_job(shelf).id
    with run_job(job_id):
        raise Conflict("x" * 600, code="gallery_name_taken")
    row = Job.objects.get(pk=job_id)
    assert (row.state, row.code, len(row.message)) == ("failed", "gallery_name_taken", 500)


def test_server_away_puts_the_job_back_without_blame(shelf: Shelf) -> None:
    job_id = make_job(shelf).id
    for _ in range(MAX_ATTEMPTS + 2):
        with run_job(job_id) as job:
            assert job is not None
            raise Unavailable("away", code="index_away", retry_after=5)
    row = Job.objects.get(pk=job_id)
    assert (row.state, row.attempts) == ("pending", 0)
    assert row.leased_until is not None


def test_error_of_ours_ends_the_job_as_errored_and_is_seen(shelf: Shelf) -> None:
    job_id = make_job(shelf).id
    with pytest.raises(ZeroDivisionError), run_job(job_id):
        _ = 1 // 0
    row = Job.objects.get(pk=job_id)
    assert (row.state, row.code) == ("errored", "internal_error")
    assert "division" not in row.message


def test_progress_is_stored_while_the_job_runs(shelf: Shelf) -> None:
    job_id = make_job(shelf).id
    with run_job(job_id) as job:
        assert job is not None
        report_progress(job, done=3)
        assert Job.objects.get(pk=job_id).done == 3
