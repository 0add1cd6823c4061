import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.client import Upload, VitrineClient, batch_uploads
from demo.errors import ApiProblem, GaveUpWaiting, ServiceUnreachable
from demo.transport import Patience

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Server:
    """A real HTTP server on loopback that answers from a script and remembers what it was asked."""

    url: str
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    authorisations: set[str] = field(default_factory=set)
    script: Iterator[Answer] = field(default_factory=lambda: iter(()))


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.asked.append((self.command, self.path, body))
            found.authorisations.add(self.headers["Authorization"])
            status, headers, content = next(found.script)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, *_arguments: object) -> None:
            """Silence: the test looks at `asked`."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Server(f"http://127.0.0.1:{listener.server_address[1]}")
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
    thread.start()
    yield found
    listener.shutdown()
    thread.join()
    listener.server_close()


def _json(body: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def _problem(status: int, code: str, detail: str, **headers: str) -> Answer:
    body = {"code": code, "detail": detail, "request_id": "r-1"}
    return status, {"Content-Type": "application/problem+json", **headers}, json.dumps(body).encode()


def _busy(seconds: int) -> Answer:
    status, headers, body = _problem(503, "workers_saturated", "All workers are busy.")
    return status, {**headers, "Retry-After": str(seconds)}, body


def _open(server: Server, pauses: list[float], *, busy_s: float = 30) -> VitrineClient:
    return VitrineClient(
        server.url, "vtr_k_s", patience=Patience(answer_s=5, busy_s=busy_s), sleep=pauses.append
    )


def _image(image_id: str, state: str, **more: object) -> dict[str, object]:
    return {"id": image_id, "state": state, "filename": f"{image_id}.jpg", "product": "p", **more}


_GALLERY = {"id": "g", "name": "Shop", "state": "ready"}


def test_gallery_is_found_on_a_later_page(server: Server) -> None:
    other = {**_GALLERY, "id": "o", "name": "Other"}
    second = f"{server.url}/v1/galleries?cursor=abc&limit=200"
    server.script = iter(
        [_json({"results": [other], "next": second}), _json({"results": [_GALLERY], "next": None})]
    )
    with _open(server, []) as client:
        assert client.ensure_gallery("Shop").id == "g"
    assert [path for _, path, _ in server.asked] == [
        "/v1/galleries?limit=200",
        "/v1/galleries?cursor=abc&limit=200",
    ]
    assert server.authorisations == {"Bearer vtr_k_s"}


def test_gallery_made_by_somebody_else_meanwhile_is_taken(server: Server) -> None:
    server.script = iter([
        _json({"results": [], "next": None}),
        _problem(409, "gallery_name_taken", "There is one."),
        _json({"results": [_GALLERY], "next": None}),
    ])  # fmt: skip
    with _open(server, []) as client:
        assert client.ensure_gallery("Shop").id == "g"


def test_new_gallery_is_waited_for(server: Server) -> None:
    server.script = iter([
        _json({"results": [], "next": None}),
        _json({**_GALLERY, "state": "provisioning"}, 202),
        _json({**_GALLERY, "state": "provisioning"}),
        _json(_GALLERY),
    ])  # fmt: skip
    pauses: list[float] = []
    with _open(server, pauses) as client:
        assert client.ensure_gallery("Shop").state == "ready"
    assert len(pauses) == 2


def test_gallery_that_failed_is_not_waited_for(server: Server) -> None:
    server.script = iter([_json({"results": [{**_GALLERY, "state": "failed"}], "next": None})])
    with _open(server, []) as client, pytest.raises(GaveUpWaiting, match="is failed instead of ready"):
        client.ensure_gallery("Shop")


def test_busy_service_is_asked_again_after_its_pause(server: Server) -> None:
    answer: dict[str, object] = {"outcome": "unknown", "product": None, "score": None, "candidates": []}
    server.script = iter([_busy(2), _busy(3), _json({"answer": answer})])
    pauses: list[float] = []
    with _open(server, pauses) as client:
        assert client.recognize("g", Upload("q.jpg", b"bytes")).product is None
    assert pauses == [2, 3]
    assert b"bytes" in server.asked[2][2]


def test_service_that_stays_busy_is_given_up_within_the_limit(server: Server) -> None:
    server.script = itertools.repeat(_busy(4))
    pauses: list[float] = []
    with _open(server, pauses, busy_s=10) as client, pytest.raises(ApiProblem) as caught:
        client.recognize("g", Upload("q.jpg", b"bytes"))
    assert caught.value.code == "workers_saturated"
    assert sum(pauses) == 8


def test_problem_becomes_an_error_with_code_and_request(server: Server) -> None:
    server.script = iter([_problem(404, "gallery_not_found", "There is no such gallery.")])
    with _open(server, []) as client, pytest.raises(ApiProblem) as caught:
        client.search("g", Upload("q.jpg", b"bytes"))
    assert (caught.value.status, caught.value.code, caught.value.request_id) == (
        404,
        "gallery_not_found",
        "r-1",
    )
    assert str(caught.value) == "There is no such gallery. (HTTP 404, gallery_not_found, request r-1)"


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"[1]"])
def test_error_without_a_problem_body_still_says_what_was_asked(server: Server, body: bytes) -> None:
    server.script = iter([(502, {}, body)])
    with _open(server, []) as client, pytest.raises(ApiProblem, match=r"answered 502 to GET /v1/galleries"):
        client.find_gallery("Shop")


def test_answer_that_is_not_json_is_an_error(server: Server) -> None:
    server.script = iter([(200, {}, b"<html>a proxy</html>")])
    with _open(server, []) as client, pytest.raises(ApiProblem, match="other than JSON"):
        client.find_gallery("Shop")


def test_absent_service_is_named(server: Server) -> None:
    with (
        VitrineClient("http://127.0.0.1:9", "k") as client,
        pytest.raises(ServiceUnreachable, match=r"127\.0\.0\.1:9"),
    ):
        client.find_gallery("Shop")
    assert server.asked == []


def test_uploads_answer_taken_and_refused_photos(server: Server) -> None:
    refusal = {"code": "image_unreadable", "message": "The photo is damaged."}
    server.script = iter([
        _json({"results": [
            {"filename": "a.jpg", "created": True, "image": _image("i", "pending"), "error": None},
            {"filename": "b.jpg", "created": False, "image": None, "error": refusal},
        ]}, 202),
    ])  # fmt: skip
    with _open(server, []) as client:
        taken, refused = client.upload_images("g", "p", [Upload("a.jpg", b"1"), Upload("b.jpg", b"2")])
    assert (taken.id, taken.state) == ("i", "pending")
    assert (refused.id, refused.failure_code, refused.filename) == (None, "image_unreadable", "b.jpg")


def test_batch_refused_as_a_whole_is_sent_one_by_one(server: Server) -> None:
    taken = {
        "results": [{"filename": "a.jpg", "created": True, "image": _image("i", "pending"), "error": None}]
    }
    server.script = iter([
        _problem(413, "body_too_large", "Too much."),
        _json(taken, 202),
        _problem(422, "image_unreadable", "Damaged."),
    ])  # fmt: skip
    with _open(server, []) as client:
        rows = client.upload_images("g", "p", [Upload("a.jpg", b"1"), Upload("b.jpg", b"2")])
    assert [(row.filename, row.failure_code) for row in rows] == [
        ("i.jpg", None),
        ("b.jpg", "image_unreadable"),
    ]


def test_upload_to_a_missing_product_is_an_error(server: Server) -> None:
    server.script = iter([_problem(404, "product_not_found", "There is no such product.")])
    with _open(server, []) as client, pytest.raises(ApiProblem, match="no such product"):
        client.upload_images("g", "p", [Upload("a.jpg", b"1"), Upload("b.jpg", b"2")])


def test_waiting_ends_when_nothing_is_pending(server: Server) -> None:
    server.script = iter([_json({"images": {"pending": number}}) for number in (2, 1, 0)])
    seen: list[int] = []
    with _open(server, []) as client:
        client.wait_until_indexed("g", waiting=seen.append)
    assert seen == [2, 1]
    assert server.asked[0][1] == "/v1/galleries/g"


def test_waiting_gives_up_when_nothing_moves(server: Server) -> None:
    server.script = itertools.repeat(_json({"images": {"pending": 1}}))
    with _open(server, []) as client, pytest.raises(GaveUpWaiting, match="1 images are pending"):
        client.wait_until_indexed("g", stall_s=0.05)


@given(st.lists(st.integers(0, 60), max_size=40), st.integers(1, 5), st.integers(1, 100))
def test_batches_keep_order_and_limits(sizes: list[int], files: int, size: int) -> None:
    uploads = [Upload(str(index), bytes(each)) for index, each in enumerate(sizes)]
    batches = list(batch_uploads(uploads, files=files, size=size))
    assert [each for batch in batches for each in batch] == uploads
    for batch in batches:
        assert 1 <= len(batch) <= files
        assert len(batch) == 1 or sum(len(each.data) for each in batch) <= size


def test_answers_are_read_into_rows(server: Server) -> None:
    product = {"id": "p", "sku": "tea", "title": "Tea", "category": ""}
    candidate = {"product": product, "score": 0.8}
    answer = {
        "outcome": "product",
        "product": product,
        "score": 0.8,
        "reason": None,
        "candidates": [candidate],
    }
    common = {
        "timings_ms": {"detect": 3.5},
        "model": {"detector": "d", "embedder": "e"},
        "index": {"generation": 2},
    }
    match = {"image_id": "i", "region_id": "r", "product": product, "score": 0.7, "box": [0, 0, 1, 1]}
    server.script = iter(
        [_json({"answer": answer, "regions": [], **common}), _json({"matches": [match], **common})]
    )
    with _open(server, []) as client:
        recognition = client.recognize("g", Upload("q.jpg", b"1"), top_k=3)
        search = client.search("g", Upload("q.jpg", b"1"))
    assert recognition.product is not None
    assert (recognition.product.sku, recognition.product.score) == ("tea", 0.8)
    assert recognition.setting.models == {"detector": "d", "embedder": "e"}
    assert b'name="top_k"\r\n\r\n3' in server.asked[0][2]
    assert [(image, found.sku, found.score) for image, found in search.matches] == [("i", "tea", 0.7)]
    assert search.setting.generation == 2
