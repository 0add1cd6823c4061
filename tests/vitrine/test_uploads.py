import hashlib
import itertools
import json
from pathlib import Path

import pytest

from tests.vitrine.server import BROKEN, Answer, Server, make_busy, make_json, make_problem, open_client
from vitrine.errors import ApiProblem, ServiceUnreachable
from vitrine.files import PlainFile, measure_file, open_file

DATA = b"0123456789"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> PlainFile:
    """Ten bytes, sent in chunks of four."""
    path = tmp_path / "shop.zip"
    path.write_bytes(DATA)
    opened = open_file(path)
    assert isinstance(opened, PlainFile)
    return opened


def upload(received: int, *, complete: bool = False, **more: object) -> dict[str, object]:
    return {
        "id": "u",
        "filename": "shop.zip",
        "size": 10,
        "sha256": SHA256,
        "received": received,
        "chunk_bytes": 8,
        "completed_at": "2026-01-01T00:00:00Z" if complete else None,
        **more,
    }


def page(*rows: dict[str, object]) -> Answer:
    return make_json({"results": list(rows), "next": None})


def chunks(server: Server) -> list[tuple[str, bytes]]:
    return [(path.partition("?")[2], body) for method, path, body in server.asked if method == "PUT"]


def send(server: Server, file: PlainFile, told: list[int] | None = None) -> str:
    sent = [] if told is None else told
    with open_client(server) as client:
        return client.uploads.send(file, measure_file(file), sent=sent.append, chunk_bytes=4).id


def test_file_is_sent_in_chunks(server: Server, file: PlainFile) -> None:
    steps = [upload(0), upload(0), upload(4), upload(8), upload(10, complete=True)]
    server.script = iter([page(), *map(make_json, steps)])
    told: list[int] = []
    assert send(server, file, told) == "u"
    method, path, body = server.asked[1]
    begun = {"filename": "shop.zip", "size": 10, "sha256": SHA256}
    assert (method, path, json.loads(body)) == ("POST", "/v1/uploads", begun)
    assert chunks(server) == [("offset=0", b"0123"), ("offset=4", b"4567"), ("offset=8", b"89")]
    assert told == [0, 4, 8, 10]


def test_upload_of_the_same_file_goes_on_where_it_was(server: Server, file: PlainFile) -> None:
    others = [upload(9, id="o", sha256="0" * 64), upload(9, id="n", filename="other.zip"), upload(4, id="l")]
    rest = [upload(8), upload(10, complete=True)]
    server.script = iter([page(*others, upload(8)), *map(make_json, rest)])
    assert send(server, file) == "u"
    assert chunks(server) == [("offset=8", b"89")]


def test_file_that_is_there_is_not_sent_again(server: Server, file: PlainFile) -> None:
    server.script = iter([page(upload(10, id="half"), upload(10, complete=True))])
    assert send(server, file) == "u"
    assert chunks(server) == []


def test_upload_killed_at_its_last_answer_is_completed(server: Server, file: PlainFile) -> None:
    server.script = iter([page(upload(10)), make_json(upload(10)), make_json(upload(10, complete=True))])
    assert send(server, file) == "u"
    assert chunks(server) == [("offset=8", b"89")]


@pytest.mark.parametrize(
    "setback",
    [
        [BROKEN],
        [BROKEN, BROKEN],
        [make_problem(409, "upload_offset", "Go on at offset 8.")],
        [make_problem(422, "chunk_damaged", "Send it again.")],
    ],
)
def test_upload_goes_on_after_a_setback(server: Server, file: PlainFile, setback: list[Answer]) -> None:
    rest = [upload(8), upload(10, complete=True)]
    server.script = iter([page(upload(4)), make_json(upload(4)), *setback, *map(make_json, rest)])
    assert send(server, file) == "u"
    assert chunks(server)[0] == ("offset=4", b"4567")
    assert chunks(server)[-1] == ("offset=8", b"89")


def test_busy_service_gets_the_chunk_again_after_its_pause(server: Server, file: PlainFile) -> None:
    server.script = iter(
        [page(upload(8)), make_json(upload(8)), make_busy(3), make_json(upload(10, complete=True))]
    )
    pauses: list[float] = []
    with open_client(server, pauses) as client:
        client.uploads.send(file, measure_file(file), chunk_bytes=4)
    assert pauses == [3]
    assert chunks(server) == [("offset=8", b"89")] * 2


def test_setbacks_without_end_are_given_up(server: Server, file: PlainFile) -> None:
    server.script = itertools.chain([page(upload(4))], itertools.repeat(BROKEN))
    with pytest.raises(ServiceUnreachable, match="disconnected"):
        send(server, file)


def test_refused_upload_is_an_error_at_once(server: Server, file: PlainFile) -> None:
    refusal = make_problem(413, "upload_too_large", "The file is larger than 5 bytes.")
    server.script = iter([page(), refusal])
    with pytest.raises(ApiProblem, match="larger than 5 bytes"):
        send(server, file)
