import itertools

import pytest

from tests.vitrine.server import BROKEN, Server, make_json, open_client
from vitrine.errors import GaveUpWaiting, JobFailed, ServiceUnreachable
from vitrine.jobs import JobRow, check_job


def job(state: str, **more: object) -> dict[str, object]:
    return {"id": "j", "kind": "import", "state": state, **more}


def test_jobs_are_listed_by_gallery_kind_and_state(server: Server) -> None:
    server.script = iter([make_json({"results": [job("running", gallery="g")], "next": None})])
    with open_client(server) as client:
        (row,) = client.jobs.list_jobs(gallery="g", kind="import", state="running")
    assert (row.id, row.gallery, row.ended) == ("j", "g", False)
    assert server.asked[0][1] == "/v1/jobs?gallery=g&kind=import&state=running&limit=200"


def test_job_tells_its_counts_and_pace(server: Server) -> None:
    counts = {"total": 10, "done": 3, "failed": 1, "skipped": 2, "pending": 4}
    server.script = iter(
        [make_json(job("running", counts=counts, items_per_second=1.5, seconds_left=2.7, retry_of="r"))]
    )
    with open_client(server) as client:
        row = client.jobs.read("j")
    assert (row.total, row.done, row.failed, row.skipped, row.pending) == (10, 3, 1, 2, 4)
    assert (row.items_per_second, row.seconds_left, row.retry_of) == (1.5, 2.7, "r")


def test_job_is_watched_to_its_end_through_a_restart_of_the_service(server: Server) -> None:
    seen: list[str] = []
    states = [make_json(job("pending")), BROKEN, BROKEN, make_json(job("running")), make_json(job("failed"))]
    server.script = iter(states)
    with open_client(server) as client:
        ended = client.jobs.wait("j", watching=lambda row: seen.append(row.state))
    assert (ended.state, seen) == ("failed", ["pending", "running"])


def test_job_of_a_service_that_stays_away_is_given_up(server: Server) -> None:
    server.script = itertools.repeat(BROKEN)
    pauses: list[float] = []
    with open_client(server, pauses) as client, pytest.raises(ServiceUnreachable):
        client.jobs.wait("j")
    assert 60 < sum(pauses) < 120


def test_job_that_does_not_move_is_given_up_when_that_is_asked_for(server: Server) -> None:
    server.script = itertools.repeat(make_json(job("running")))
    with open_client(server) as client, pytest.raises(GaveUpWaiting, match="import job is running, 0 of 0"):
        client.jobs.wait("j", stall_s=0.05)


@pytest.mark.parametrize("state", ["failed", "errored", "cancelled"])
def test_job_that_ended_without_success_is_an_error(state: str) -> None:
    with pytest.raises(JobFailed, match=f"job j {state}") as caught:
        check_job(JobRow("j", "export", state, code="source_gone"))
    assert caught.value.code == "source_gone"


def test_rows_of_an_import_are_listed_by_state_and_conflict(server: Server) -> None:
    item = {
        "line": 3,
        "sku": "tea",
        "name": "a.jpg",
        "state": "indexed",
        "code": "",
        "message": "",
        "image": "i",
        "duplicate_of": None,
        "conflicts": ["x", "y"],
    }
    server.script = iter([make_json({"results": [item], "next": None})] * 2)
    with open_client(server) as client:
        (row,) = client.jobs.list_items("j", state="indexed", conflicts=True)
        list(client.jobs.list_items("j", conflicts=False))
    assert (row.line, row.sku, row.image, row.conflicts) == (3, "tea", "i", ("x", "y"))
    assert [path for _, path, _ in server.asked] == [
        "/v1/jobs/j/items?state=indexed&conflicts=true&limit=200",
        "/v1/jobs/j/items?conflicts=false&limit=200",
    ]


def test_report_is_handed_on_as_it_is(server: Server) -> None:
    report = "\ufeffline,sku\r\n1,tea\r\n".encode()
    server.script = iter([(200, {"Content-Type": "text/csv"}, report)])
    taken = bytearray()
    with open_client(server) as client:
        client.jobs.download_report("j", taken.extend)
    assert taken == report
