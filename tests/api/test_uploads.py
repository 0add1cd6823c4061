"""Large files in chunks: whatever is cut short goes on, and nothing wrong is kept."""

import hashlib
import random
import socket
import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from jobs.models import Job
from tenants.models import Upload
from tests.api.problems import check_problem
from tests.api.sending import begin_upload, send_chunk, send_file
from tests.conftest import Service, Shop, wait_until
from tests.tenants.rows import add_rows, change_rows

DATA = random.Random(5).randbytes(200_000)
WHOLE = hashlib.sha256(DATA).hexdigest()


def read(shop: Shop, address: str) -> dict[str, Any]:
    answer = shop.http.get(address)
    assert answer.status_code == 200, answer.text
    upload: dict[str, Any] = answer.json()
    return upload


def test_interrupted_upload_goes_on_where_it_was(acme: Shop) -> None:
    address = begin_upload(acme, DATA, sha256=WHOLE)
    begun = read(acme, address)
    assert (begun["received"], begun["size"], begun["sha256"]) == (0, 200_000, WHOLE)
    assert (begun["completed_at"], begun["chunk_bytes"]) == (None, settings.UPLOAD_CHUNK_BYTES)
    assert begun["kind"] == "source"
    assert send_chunk(acme, address, 0, DATA[:60_000]).json()["received"] == 60_000

    goes_on_at = read(acme, address)["received"]

    last = send_chunk(acme, address, goes_on_at, DATA[goes_on_at:]).json()
    assert last["received"] == 200_000
    assert last["completed_at"] is not None
    assert [row["id"] for row in acme.http.get("/v1/uploads").json()["results"]] == [last["id"]]


def test_connection_cut_in_a_chunk_keeps_nothing_of_it(service: Service, acme: Shop) -> None:
    address = begin_upload(acme, DATA)
    send_chunk(acme, address, 0, DATA[:60_000])
    part = DATA[60_000:]
    head = (
        f"PUT {address}/chunks?offset=60000 HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {acme.key}\r\n"
        f"Content-Type: application/octet-stream\r\nX-Chunk-SHA256: {hashlib.sha256(part).hexdigest()}\r\n"
        f"Content-Length: {len(part)}\r\n\r\n"
    )
    where = urlsplit(service.url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=10) as connection:
        connection.sendall(head.encode() + part[:50_000])
    assert read(acme, address)["received"] == 60_000
    assert send_chunk(acme, address, 60_000, part).json()["completed_at"] is not None


def test_same_chunk_again_is_answered_as_it_was(acme: Shop) -> None:
    address = begin_upload(acme, DATA)
    first, again = (send_chunk(acme, address, 0, DATA[:60_000]) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.json()["received"] == again.json()["received"] == 60_000


def test_wrong_offset_is_refused_with_the_right_one(acme: Shop) -> None:
    address = begin_upload(acme, DATA)
    send_chunk(acme, address, 0, DATA[:60_000])
    for offset in (0, 30_000, 90_000):
        refused = send_chunk(acme, address, offset, DATA[offset : offset + 50_000])
        check_problem(refused, "upload_offset")
        assert refused.json()["offset"] == "60000"


def test_chunk_that_is_not_what_it_says_is_refused(acme: Shop) -> None:
    address = begin_upload(acme, DATA)
    check_problem(send_chunk(acme, address, 0, DATA[:60_000], X_Chunk_SHA256=WHOLE), "chunk_damaged")
    check_problem(send_chunk(acme, address, 0, DATA + b"x"), "chunk_beyond_end")
    check_problem(send_chunk(acme, address, 0, b""), "chunk_too_small")
    assert read(acme, address)["received"] == 0


def test_chunk_larger_than_a_chunk_may_be_is_refused(acme: Shop) -> None:
    large = bytes(settings.UPLOAD_CHUNK_BYTES + 1)
    address = begin_upload(acme, large + large)
    refused = send_chunk(acme, address, 0, large)
    check_problem(refused, "chunk_too_large")
    assert str(settings.UPLOAD_CHUNK_BYTES) in refused.json()["detail"]


def test_file_that_is_another_one_in_the_end_is_given_up(acme: Shop) -> None:
    address = begin_upload(acme, DATA, sha256=hashlib.sha256(b"another").hexdigest())
    check_problem(send_chunk(acme, address, 0, DATA), "upload_damaged")
    check_problem(acme.http.get(address), "upload_not_found")


@pytest.mark.parametrize(
    ("params", "headers", "field"),
    [
        ({}, {}, "offset"),
        ({"offset": "-1"}, {}, "offset"),
        ({"offset": "many"}, {}, "offset"),
        ({"offset": "9" * 30}, {}, "offset"),
        ({"offset": "0"}, {"X-Chunk-SHA256": ""}, "sha256"),
        ({"offset": "0"}, {"X-Chunk-SHA256": "x" * 64}, "sha256"),
        ({"offset": "0"}, {"X-Chunk-SHA256": "0" * 63}, "sha256"),
    ],
)
def test_chunk_without_a_place_is_refused_by_name(
    acme: Shop, params: dict[str, str], headers: dict[str, str], field: str
) -> None:
    address = begin_upload(acme, DATA)
    given = {"Content-Type": "application/octet-stream", "X-Chunk-SHA256": WHOLE, **headers}
    refused = acme.http.put(f"{address}/chunks", params=params, content=DATA, headers=given)
    check_problem(refused, "invalid_request")
    assert list(refused.json()["errors"]) == [field]


def test_chunk_without_its_hash_is_told_the_header(acme: Shop) -> None:
    address = begin_upload(acme, DATA)
    headers = {"Content-Type": "application/octet-stream"}
    refused = acme.http.put(f"{address}/chunks", params={"offset": 0}, content=DATA, headers=headers)
    check_problem(refused, "invalid_request")
    assert "X-Chunk-SHA256" in refused.json()["detail"]


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=b", "text/plain", ""])
def test_chunk_of_another_content_type_is_refused(acme: Shop, kind: str) -> None:
    refused = send_chunk(acme, begin_upload(acme, DATA), 0, DATA, Content_Type=kind)
    check_problem(refused, "unsupported_media_type")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"filename": "", "size": 1}, "invalid_request"),
        ({"filename": "a\x00.zip", "size": 1}, "invalid_request"),
        ({"filename": "x" * 256, "size": 1}, "invalid_request"),
        ({"filename": "a.zip", "size": "much"}, "invalid_request"),
        ({"filename": "a.zip", "size": -1}, "invalid_request"),
        ({"filename": "a.zip", "size": 0}, "upload_empty"),
        ({"filename": "a.zip", "size": settings.UPLOAD_MAX_BYTES + 1}, "upload_too_large"),
        ({"filename": "a.zip", "size": 10**30}, "invalid_request"),
        ({"filename": "a.zip", "size": 1, "sha256": "abc"}, "invalid_request"),
        ({"filename": "a.zip", "size": 1, "sha256": "0" * 64 + "\n0"}, "invalid_request"),
    ],
)
def test_upload_that_cannot_be_is_refused(acme: Shop, body: dict[str, object], code: str) -> None:
    check_problem(acme.http.post("/v1/uploads", json=body), code)
    assert acme.http.get("/v1/uploads").json()["results"] == []


def test_name_of_a_file_is_never_a_path(acme: Shop) -> None:
    begun = acme.http.post("/v1/uploads", json={"filename": "../../../etc/passwd", "size": 1})
    assert begun.json()["filename"] == "passwd"


def test_deleted_upload_is_gone_at_once_and_soon_altogether(acme: Shop) -> None:
    address = f"/v1/uploads/{send_file(acme, DATA)}"
    assert acme.http.delete(address).status_code == 204
    check_problem(acme.http.get(address), "upload_not_found")
    check_problem(send_chunk(acme, address, 0, DATA), "upload_not_found")
    check_problem(acme.http.delete(address), "upload_not_found")
    mine = Upload.across_tenants.filter(tenant=acme.tenant)
    wait_until(lambda: not mine.exists(), "a worker has removed the upload")


def test_upload_that_an_import_reads_is_not_deleted(acme: Shop) -> None:
    upload = send_file(acme, DATA)
    job = Job(tenant=acme.tenant, kind=Job.Kind.IMPORT, trigger="test", state="running")
    job.input, job.leased_until = {"upload": upload}, "2100-01-01T00:00Z"
    add_rows(job)
    check_problem(acme.http.delete(f"/v1/uploads/{upload}"), "upload_in_use")
    change_rows(Job.across_tenants.filter(pk=job.pk), state="cancelled", leased_until=None)
    assert acme.http.delete(f"/v1/uploads/{upload}").status_code == 204


def test_archive_of_an_export_is_listed_and_takes_no_chunk(acme: Shop) -> None:
    address = begin_upload(acme, DATA)
    change_rows(Upload.across_tenants.filter(tenant=acme.tenant), kind="export")
    assert [row["kind"] for row in acme.http.get("/v1/uploads").json()["results"]] == ["export"]
    check_problem(send_chunk(acme, address, 0, DATA), "upload_closed")
    assert read(acme, address)["received"] == 0


def test_unknown_upload_takes_no_chunk(acme: Shop) -> None:
    check_problem(send_chunk(acme, f"/v1/uploads/{uuid.uuid4()}", 0, DATA), "upload_not_found")
