"""Jobs as they are listed, followed and ended through the API."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs.models import Job, JobItem
from tests.api.catalog import make_gallery
from tests.api.conftest import Stall
from tests.api.problems import check_problem
from tests.api.sending import list_items, wait_ended
from tests.conftest import Shop
from tests.tenants.rows import add_rows, change_rows


def make_job(shop: Shop, **fields: Any) -> Job:
    """A row that no worker takes: it has ended, or somebody seems to be at it."""
    given = {"kind": "import", "trigger": "test", "state": "succeeded", "input": _request(), **fields}
    job = Job(tenant=shop.tenant, **given)
    add_rows(job)
    return job


def add_items(shop: Shop, job: Job, *states: str, **fields: Any) -> None:
    for line, state in enumerate(states, start=1):
        add_rows(JobItem(tenant=shop.tenant, job=job, line=line, sku=f"sku-{line}", state=state, **fields))


def list_ids(shop: Shop, **query: str) -> list[str]:
    answer = shop.http.get("/v1/jobs", params=query)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["results"]]


def test_jobs_are_narrowed_by_state_kind_and_gallery(acme: Shop) -> None:
    gallery = make_gallery(acme)
    (provisioning,) = list_ids(acme)
    stray, failed = make_job(acme), make_job(acme, state="failed", kind="evaluate")
    assert list_ids(acme) == [str(failed.pk), str(stray.pk), provisioning]
    assert list_ids(acme, gallery=gallery) == [provisioning]
    assert list_ids(acme, gallery=str(uuid.uuid4())) == []
    assert list_ids(acme, state="failed") == [str(failed.pk)]
    assert list_ids(acme, kind="import", state="succeeded") == [str(stray.pk)]
    assert list_ids(acme, kind="import", state="failed") == []


def test_running_job_shows_counts_pace_and_time_left(acme: Shop) -> None:
    began = timezone.now() - timedelta(seconds=50)
    held = {"leased_until": "2100-01-01T00:00Z", "started_at": began, "state": "running"}
    job = make_job(acme, total=200, done=80, failed=15, skipped=5, **held)
    shown = acme.http.get(f"/v1/jobs/{job.pk}").json()
    change_rows(Job.across_tenants.filter(pk=job.pk), state="cancelled", leased_until=None)
    assert shown["counts"] == {"total": 200, "done": 80, "failed": 15, "skipped": 5, "pending": 100}
    assert shown["items_per_second"] == pytest.approx(2, rel=0.1)
    assert shown["seconds_left"] == pytest.approx(50, rel=0.1)


def test_items_come_oldest_first_in_pages_that_keep_the_filter(acme: Shop) -> None:
    job = make_job(acme)
    add_items(acme, job, *["indexed", "failed"] * 10)
    assert [row["line"] for row in list_items(acme, str(job.pk))] == list(range(1, 21))
    assert [row["line"] for row in list_items(acme, str(job.pk), state="failed")] == list(range(2, 21, 2))
    assert list_items(acme, str(job.pk), state="duplicate") == []


def test_items_with_conflicts_are_told_apart(acme: Shop) -> None:
    job, other = make_job(acme), make_job(acme)
    look_alike = uuid.uuid4()
    add_items(acme, job, "indexed", conflicts=[look_alike])
    add_items(acme, other, "indexed")
    (row,) = list_items(acme, str(job.pk), conflicts="true")
    assert row["conflicts"] == [str(look_alike)]
    assert list_items(acme, str(job.pk), conflicts="false") == []
    assert list_items(acme, str(other.pk), conflicts="true") == []
    assert len(list_items(acme, str(other.pk), conflicts="false")) == 1


def test_long_report_is_streamed_whole(acme: Shop) -> None:
    job = make_job(acme)
    add_items(acme, job, *["indexed"] * 2500)
    answer = acme.http.get(f"/v1/jobs/{job.pk}/report.csv", headers={"Accept": "text/csv"})
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert len(lines) == 2501
    assert [line.partition(",")[0] for line in lines] == ["line", *map(str, range(1, 2501))]
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("accept", ["*/*", "text/csv", "application/json"])
def test_problem_of_a_file_is_json_whatever_was_asked_for(acme: Shop, accept: str) -> None:
    path = f"/v1/jobs/{uuid.uuid4()}/report.csv"
    answer = acme.http.get(path, headers={"Accept": accept})
    check_problem(answer, "not_acceptable" if accept == "application/json" else "job_not_found")


def test_job_without_an_archive_says_so(acme: Shop) -> None:
    running = make_job(acme, kind="export", state="running", leased_until="2100-01-01T00:00Z")
    for job, code in ((running, "archive_not_ready"), (make_job(acme), "archive_not_found")):
        check_problem(acme.http.get(f"/v1/jobs/{job.pk}/archive"), code)
    change_rows(Job.across_tenants.filter(pk=running.pk), state="cancelled", leased_until=None)


def test_waiting_job_is_cancelled_once(acme: Shop) -> None:
    job = make_job(acme, kind="evaluate", state="pending", leased_until="2100-01-01T00:00Z")
    cancelled = acme.http.post(f"/v1/jobs/{job.pk}/cancel").json()
    assert (cancelled["state"], cancelled["code"]) == ("cancelled", "cancelled")
    assert cancelled["finished_at"] is not None
    check_problem(acme.http.post(f"/v1/jobs/{job.pk}/cancel"), "job_finished")


@pytest.mark.parametrize("kind", ["provision_gallery", "delete_gallery", "delete_tenant"])
def test_job_that_is_seen_through_is_not_cancelled(acme: Shop, kind: str) -> None:
    job = make_job(acme, kind=kind)
    check_problem(acme.http.post(f"/v1/jobs/{job.pk}/cancel"), "job_not_cancellable")


def test_reindex_that_is_cancelled_leaves_the_index_and_the_settings(acme: Shop) -> None:
    gallery = make_gallery(acme)
    path = f"/v1/galleries/{gallery}"
    before = acme.http.get(path).json()["index"]
    # Held by nobody yet: the worker that takes it finds it cancelled, or is told at its next report.
    changed = acme.http.patch(path, json={"settings": {"index": {"preset": "compact"}}}).json()
    answer = acme.http.post(f"/v1/jobs/{changed['job']}/cancel")
    ended = wait_ended(acme, changed["job"])
    if answer.status_code == 200:
        assert ended["state"] == "cancelled"
        assert acme.http.get(path).json()["index"] == before
    else:
        assert check_problem(answer, "job_finished")
    assert acme.http.get(path).json()["settings"]["index"]["preset"] == "compact"


def test_only_imports_with_failed_rows_are_tried_again(acme: Shop) -> None:
    gallery = make_gallery(acme)
    (provisioning,) = list_ids(acme)
    check_problem(acme.http.post(f"/v1/jobs/{provisioning}/retry"), "job_not_retryable")
    given = {"result": {"listed": True}, "gallery_id": gallery, "input": _request()}
    done = make_job(acme, **given)
    add_items(acme, done, "indexed")
    check_problem(acme.http.post(f"/v1/jobs/{done.pk}/retry"), "nothing_to_retry")
    gone = make_job(acme, **{**given, "input": {**_request(), "upload": str(uuid.uuid4())}})
    add_items(acme, gone, "failed")
    check_problem(acme.http.post(f"/v1/jobs/{gone.pk}/retry"), "source_gone")


def _request() -> dict[str, Any]:
    return {
        "upload": None,
        "directory": "a",
        "mode": "upsert",
        "dry_run": False,
        "near_duplicates": 2,
        "columns": {},
        "retry_of": None,
    }


def test_jobs_without_rows_have_an_empty_list_and_report(stall: Stall) -> None:
    assert list_items(stall.shop, stall.job) == []
    report = stall.shop.http.get(f"/v1/jobs/{stall.job}/report.csv").text
    assert report.count("\n") == 1
