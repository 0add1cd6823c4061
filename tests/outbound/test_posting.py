import socket
import time

import pytest

from outbound.errors import AddressNotAllowed, UrlTimeout, UrlUnreachable
from outbound.policy import FetchPolicy
from outbound.posting import Answered, post
from tests.outbound.servers import allow, say, say_raw, serve, write_head

_HEADERS = {"Content-Type": "application/json", "webhook-id": "msg_1"}


def test_body_and_headers_arrive() -> None:
    body = b'{"type": "job.finished"}' * 10_000
    with serve(say(200, b"thanks")) as server:
        answered = post(f"{server.url}/hook", body=body, headers=_HEADERS, policy=allow(server))
    assert answered == Answered(200, "thanks")
    lines = server.asked[0].split(b"\r\n")
    assert lines[0] == b"POST /hook HTTP/1.1"
    assert {
        b"Content-Type: application/json",
        b"webhook-id: msg_1",
        f"Content-Length: {len(body)}".encode(),
    } <= set(lines)
    assert server.bodies == [body]


@pytest.mark.parametrize("status", [204, 301, 302, 307, 400, 410, 429, 500, 503])
def test_status_is_the_answer_and_no_redirect_is_followed(status: int) -> None:
    with serve(say(200)) as elsewhere, serve(say(status, location=elsewhere.url)) as server:
        answered = post(server.url, body=b"{}", headers=_HEADERS, policy=allow(server, elsewhere))
    assert answered.status == status
    assert (server.met, elsewhere.met) == (1, 0)


def test_answer_is_kept_up_to_4_kb() -> None:
    def speak(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(write_head(200, {}))
        while True:
            connection.sendall(b"a" * 65536)

    with serve(speak) as server:
        answered = post(server.url, body=b"{}", headers=_HEADERS, policy=allow(server))
    assert answered == Answered(200, "a" * 4096)


def test_answer_is_text_that_a_database_takes() -> None:
    with serve(say(200, b"a\0b\xff")) as server:
        answered = post(server.url, body=b"{}", headers=_HEADERS, policy=allow(server))
    assert answered.text == "a\ufffdb\ufffd"


def test_answer_counts_when_its_body_breaks_off_or_drips() -> None:
    def drip(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(write_head(200, {"Content-Length": "1000"}))
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)

    with serve(say_raw(write_head(200, {"Content-Length": "100"}) + b"half")) as server:
        assert post(server.url, body=b"{}", headers={}, policy=allow(server)) == Answered(
            200, "half [broken off]"
        )
    with serve(drip) as server:
        begun = time.monotonic()
        assert post(server.url, body=b"{}", headers={}, policy=allow(server, timeout_s=0.5)).status == 200
        assert time.monotonic() - begun < 2


def test_server_that_does_not_take_the_body_is_left_when_the_time_is_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        policy = FetchPolicy(https_only=False, allow_private=True, ports=frozenset({port}), timeout_s=0.5)
        begun = time.monotonic()
        with pytest.raises(UrlTimeout):
            post(f"http://127.0.0.1:{port}/", body=bytes(32 * 2**20), headers={}, policy=policy)
        assert time.monotonic() - begun < 2


def test_server_that_closes_without_an_answer_is_unreachable() -> None:
    with serve(say_raw(b"")) as server, pytest.raises(UrlUnreachable) as caught:
        post(server.url, body=b"{}", headers={}, policy=allow(server))
    assert caught.value.transient


def test_private_address_is_refused() -> None:
    with serve(say(200)) as server:
        policy = FetchPolicy(https_only=False, ports=frozenset({server.port}))
        with pytest.raises(AddressNotAllowed):
            post(server.url, body=b"{}", headers={}, policy=policy)
        with pytest.raises(AddressNotAllowed):
            post(f"http://localhost:{server.port}/", body=b"{}", headers={}, policy=policy)
    assert server.met == 0
