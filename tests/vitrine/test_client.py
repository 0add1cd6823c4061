import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vitrine.server import BROKEN, Server, make_busy, make_json, make_problem, open_client
from vitrine.answers import ModelRow
from vitrine.client import VitrineClient
from vitrine.errors import ApiProblem, GaveUpWaiting, ServiceUnreachable
from vitrine.photos import Photo, batch_photos


def _image(image_id: str, state: str, **more: object) -> dict[str, object]:
    return {"id": image_id, "state": state, "filename": f"{image_id}.jpg", "product": "p", **more}


_GALLERY = {"id": "g", "name": "Shop", "state": "ready"}


def test_gallery_is_found_on_a_later_page(server: Server) -> None:
    other = {**_GALLERY, "id": "o", "name": "Other"}
    second = f"{server.url}/v1/galleries?cursor=abc&limit=200"
    server.script = iter(
        [make_json({"results": [other], "next": second}), make_json({"results": [_GALLERY], "next": None})]
    )
    with open_client(server) as client:
        assert client.ensure_gallery("Shop").id == "g"
    assert [path for _, path, _ in server.asked] == [
        "/v1/galleries?limit=200",
        "/v1/galleries?cursor=abc&limit=200",
    ]
    assert server.authorisations == {"Bearer vtr_k_s"}


def test_gallery_made_by_somebody_else_meanwhile_is_taken(server: Server) -> None:
    server.script = iter([
        make_json({"results": [], "next": None}),
        make_problem(409, "gallery_name_taken", "There is one."),
        make_json({"results": [_GALLERY], "next": None}),
    ])  # fmt: skip
    with open_client(server) as client:
        assert client.ensure_gallery("Shop").id == "g"


def test_new_gallery_is_waited_for(server: Server) -> None:
    server.script = iter([
        make_json({"results": [], "next": None}),
        make_json({**_GALLERY, "state": "provisioning"}, 202),
        make_json({**_GALLERY, "state": "provisioning"}),
        make_json(_GALLERY),
    ])  # fmt: skip
    pauses: list[float] = []
    with open_client(server, pauses) as client:
        assert client.ensure_gallery("Shop").state == "ready"
    assert len(pauses) == 2


def test_gallery_that_failed_is_not_waited_for(server: Server) -> None:
    server.script = iter([make_json({"results": [{**_GALLERY, "state": "failed"}], "next": None})])
    with open_client(server) as client, pytest.raises(GaveUpWaiting, match="is failed instead of ready"):
        client.ensure_gallery("Shop")


def test_busy_service_is_asked_again_after_its_pause(server: Server) -> None:
    answer: dict[str, object] = {"outcome": "unknown", "product": None, "score": None, "candidates": []}
    server.script = iter([make_busy(2), make_busy(3), make_json({"answer": answer})])
    pauses: list[float] = []
    with open_client(server, pauses) as client:
        assert client.recognize("g", Photo("q.jpg", b"bytes")).product is None
    assert pauses == [2, 3]
    assert b"bytes" in server.asked[2][2]


def test_each_creating_call_has_a_key_that_its_tries_share(server: Server) -> None:
    product = make_json({"id": "p", "sku": "one", "title": "", "category": ""}, 201)
    at_work = make_problem(409, "idempotency_in_progress", "At work.", **{"Retry-After": "1"})
    server.script = iter([make_busy(2), BROKEN, at_work, product, product, make_json(_GALLERY)])
    pauses: list[float] = []
    with open_client(server, pauses) as client:
        assert client.create_product("g", sku="one", title="").id == "p"
        client.create_product("g", sku="one", title="")
        client.read_gallery("g")
    assert pauses == [2, 1, 1]
    first, *tries, other, reading = server.call_keys
    assert tries == [first] * 3
    assert (len({first, other, reading}), reading) == (3, None)


def test_call_whose_connection_breaks_again_and_again_is_given_up(server: Server) -> None:
    server.script = itertools.repeat(BROKEN)
    pauses: list[float] = []
    with open_client(server, pauses, busy_s=3) as client, pytest.raises(ServiceUnreachable):
        client.create_product("g", sku="one", title="")
    assert pauses == [1, 1, 1]


def test_conflict_for_good_is_not_tried_again(server: Server) -> None:
    server.script = iter([make_problem(409, "sku_taken", "Taken.")])
    with open_client(server) as client, pytest.raises(ApiProblem, match="Taken"):
        client.create_product("g", sku="one", title="")


def test_service_that_stays_busy_is_given_up_within_the_limit(server: Server) -> None:
    server.script = itertools.repeat(make_busy(4))
    pauses: list[float] = []
    with open_client(server, pauses, busy_s=10) as client, pytest.raises(ApiProblem) as caught:
        client.recognize("g", Photo("q.jpg", b"bytes"))
    assert caught.value.code == "workers_saturated"
    assert sum(pauses) == 8


def test_problem_becomes_an_error_with_code_and_request(server: Server) -> None:
    server.script = iter([make_problem(404, "gallery_not_found", "There is no such gallery.")])
    with open_client(server) as client, pytest.raises(ApiProblem) as caught:
        client.search("g", Photo("q.jpg", b"bytes"))
    assert (caught.value.status, caught.value.code, caught.value.request_id) == (
        404,
        "gallery_not_found",
        "r-1",
    )
    assert str(caught.value) == "There is no such gallery. (HTTP 404, gallery_not_found, request r-1)"


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"[1]"])
def test_error_without_a_problem_body_still_says_what_was_asked(server: Server, body: bytes) -> None:
    server.script = iter([(502, {}, body)])
    with open_client(server) as client, pytest.raises(ApiProblem, match=r"answered 502 to GET /v1/galleries"):
        client.find_gallery("Shop")


def test_answer_that_is_not_json_is_an_error(server: Server) -> None:
    server.script = iter([(200, {}, b"<html>a proxy</html>")])
    with open_client(server) as client, pytest.raises(ApiProblem, match="other than JSON"):
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
        make_json({"results": [
            {"filename": "a.jpg", "created": True, "image": _image("i", "pending"), "error": None},
            {"filename": "b.jpg", "created": False, "image": None, "error": refusal},
        ]}, 202),
    ])  # fmt: skip
    with open_client(server) as client:
        taken, refused = client.upload_images("g", "p", [Photo("a.jpg", b"1"), Photo("b.jpg", b"2")])
    assert (taken.id, taken.state) == ("i", "pending")
    assert (refused.id, refused.failure_code, refused.filename) == (None, "image_unreadable", "b.jpg")


def test_batch_refused_as_a_whole_is_sent_one_by_one(server: Server) -> None:
    taken = {
        "results": [{"filename": "a.jpg", "created": True, "image": _image("i", "pending"), "error": None}]
    }
    server.script = iter([
        make_problem(413, "body_too_large", "Too much."),
        make_json(taken, 202),
        make_problem(422, "image_unreadable", "Damaged."),
    ])  # fmt: skip
    with open_client(server) as client:
        rows = client.upload_images("g", "p", [Photo("a.jpg", b"1"), Photo("b.jpg", b"2")])
    assert [(row.filename, row.failure_code) for row in rows] == [
        ("i.jpg", None),
        ("b.jpg", "image_unreadable"),
    ]


def test_upload_to_a_missing_product_is_an_error(server: Server) -> None:
    server.script = iter([make_problem(404, "product_not_found", "There is no such product.")])
    with open_client(server) as client, pytest.raises(ApiProblem, match="no such product"):
        client.upload_images("g", "p", [Photo("a.jpg", b"1"), Photo("b.jpg", b"2")])


def test_waiting_ends_when_nothing_is_pending(server: Server) -> None:
    server.script = iter([make_json({**_GALLERY, "images": {"pending": number}}) for number in (2, 1, 0)])
    seen: list[int] = []
    with open_client(server) as client:
        client.wait_until_indexed("g", waiting=seen.append)
    assert seen == [2, 1]
    assert server.asked[0][1] == "/v1/galleries/g"


def test_waiting_gives_up_when_nothing_moves(server: Server) -> None:
    server.script = itertools.repeat(make_json({**_GALLERY, "images": {"pending": 1}}))
    with open_client(server) as client, pytest.raises(GaveUpWaiting, match="1 images are pending"):
        client.wait_until_indexed("g", stall_s=0.05)


@given(st.lists(st.integers(0, 60), max_size=40), st.integers(1, 5), st.integers(1, 100))
def test_batches_keep_order_and_limits(sizes: list[int], files: int, size: int) -> None:
    uploads = [Photo(str(index), bytes(each)) for index, each in enumerate(sizes)]
    batches = list(batch_photos(uploads, files=files, size=size))
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
        "model": {"detector": "d", "embedders": ["e"]},
        "index": {"generation": 2},
    }
    match = {"image_id": "i", "region_id": "r", "product": product, "score": 0.7, "box": [0, 0, 1, 1]}
    server.script = iter(
        [make_json({"answer": answer, "regions": [], **common}), make_json({"matches": [match], **common})]
    )
    with open_client(server) as client:
        recognition = client.recognize("g", Photo("q.jpg", b"1"), top_k=3)
        search = client.search("g", Photo("q.jpg", b"1"), said={"detect": "false", "rerank": ""})
    assert recognition.product is not None
    assert (recognition.product.sku, recognition.product.score) == ("tea", 0.8)
    assert recognition.setting.models == {"detector": "d", "embedders": ["e"]}
    assert b'name="top_k"\r\n\r\n3' in server.asked[0][2]
    assert b'name="detect"\r\n\r\nfalse' in server.asked[1][2]
    assert b'name="rerank"\r\n\r\n\r\n' in server.asked[1][2]
    assert [(image, found.sku, found.score) for image, found in search.matches] == [("i", "tea", 0.7)]
    assert search.setting.generation == 2


def test_change_of_settings_answers_the_job_that_follows(server: Server) -> None:
    settings = {"index": {"preset": "compact", "projection": None}}
    server.script = iter([make_json({**_GALLERY, "job": "j"}, 202), make_json(_GALLERY)])
    with open_client(server) as client:
        assert client.change_settings("g", settings).job == "j"
        assert client.change_settings("g", {"detect": False}).job is None
    method, path, body = server.asked[0]
    assert (method, path, json.loads(body)) == ("PATCH", "/v1/galleries/g", {"settings": settings})


def test_gallery_tells_what_its_index_was_fitted_on(server: Server) -> None:
    model = {
        "model": "e",
        "representation": "hybrid",
        "stored_dim": 128,
        "projection": {"version": 1, "fitted_on": 300},
        "binarizer": {"version": 1, "fitted_on": 310, "method": "itq"},
    }
    counts = {"pending": 0, "indexed": 310, "failed": 0}
    server.script = iter([make_json({**_GALLERY, "index": {"models": [model]}, "images": counts})])
    with open_client(server) as client:
        row = client.read_gallery("g")
    assert row.models == (ModelRow("e", "hybrid", 300, "itq", 310, 128),)
    assert (row.indexed, row.job) == (310, None)


def test_labelled_queries_go_out_with_their_sku(server: Server) -> None:
    image = {"id": "q", "state": "pending", "filename": "a.jpg", "sku": "tea"}
    taken = {"filename": "a.jpg", "created": True, "image": image, "error": None}
    server.script = iter([make_json({"results": [taken], "job": "j"}, 202)])
    with open_client(server) as client:
        (row,) = client.upload_labelled_queries("g", [Photo("a.jpg", b"1")], sku="tea")
    assert (row.id, row.sku, row.product_id) == ("q", "tea", None)
    assert server.asked[0][1] == "/v1/galleries/g/labelled-queries"
    assert b'name="sku"\r\n\r\ntea' in server.asked[0][2]


def test_evaluation_is_started_and_applied(server: Server) -> None:
    job = {"id": "j", "kind": "evaluate", "state": "pending"}
    server.script = iter([make_json(job, 202), make_json(_GALLERY), make_json(_GALLERY)])
    with open_client(server) as client:
        started = client.start_evaluation("g", source="queries", sample=10)
        client.apply_evaluation("g", "e")
        client.apply_evaluation("g", "e", way=2)
    assert (started.id, started.ended) == ("j", False)
    assert [(path, json.loads(body)) for _, path, body in server.asked] == [
        ("/v1/galleries/g/evaluations", {"source": "queries", "sample": 10}),
        ("/v1/galleries/g/evaluations/e/apply", {}),
        ("/v1/galleries/g/evaluations/e/apply", {"policy": 2}),
    ]
