import socket
import time
import tracemalloc

import pytest

from outbound.errors import (
    OutboundRefused,
    TooManyRedirects,
    UrlEncoded,
    UrlInvalid,
    UrlStatus,
    UrlTimeout,
    UrlTooLarge,
    UrlUnreachable,
)
from outbound.fetching import Fetched, fetch
from tests.outbound.certificates import make_authority
from tests.outbound.servers import Server, Speak, allow, lead_to, say, say_raw, serve, write_head

_MIB = 2**20


def test_file_is_fetched_with_its_type_and_address() -> None:
    with serve(say(200, b"photo", content_type="image/jpeg")) as server:
        found = fetch(f"{server.url}/a/1.jpg?w=2#top", allow(server))
    assert found == Fetched(b"photo", "image/jpeg", f"{server.url}/a/1.jpg?w=2#top")
    lines = server.asked[0].split(b"\r\n")
    assert lines[0] == b"GET /a/1.jpg?w=2 HTTP/1.1"
    assert b"Accept-Encoding: identity" in lines
    assert not [line for line in lines if line.lower().startswith((b"cookie", b"referer", b"authorization"))]


def test_cookies_are_not_kept_from_one_hop_to_the_next() -> None:
    def speak(connection: socket.socket, head: bytes) -> None:
        headers = {"Location": "/photo", "Set-Cookie": "a=b", "Content-Length": "0"}
        connection.sendall(write_head(200 if b"/photo" in head else 302, headers))

    with serve(speak) as server:
        fetch(server.url, allow(server))
        fetch(server.url, allow(server))
    assert len(server.asked) == 4
    assert b"cookie" not in b"".join(server.asked).lower()


@pytest.mark.parametrize(
    ("status", "transient"),
    [
        (201, False),
        (204, False),
        (206, False),
        (301, False),
        (400, False),
        (403, False),
        (404, False),
        (410, False),
        (408, True),
        (425, True),
        (429, True),
        (500, True),
        (502, True),
        (503, True),
        (504, True),
    ],
)
def test_status_other_than_200_is_an_error_that_says_whether_to_ask_again(
    status: int, *, transient: bool
) -> None:
    with serve(say(status)) as server, pytest.raises(UrlStatus, match=str(status)) as caught:
        fetch(server.url, allow(server))
    assert (caught.value.status, caught.value.transient) == (status, transient)


# --- redirects ---


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_followed(status: int) -> None:
    with serve(say(200, b"photo")) as last, serve(say(status, location=f"{last.url}/1.jpg")) as first:
        found = fetch(first.url, allow(first, last))
    assert (found.data, found.url) == (b"photo", f"{last.url}/1.jpg")


@pytest.mark.parametrize(
    "place",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://0x7f.1/",
        "http://0.0.0.0/",
        "https://[::ffff:169.254.169.254]/",
        "//169.254.169.254/",
        "file:///etc/passwd",
        "ftp://acme.example/",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "http://user:password@acme.example/",
        "http://127.0.0.1:22/",
        "https://[",
        "http://\x80/",
    ],
)
def test_redirect_is_checked_like_the_first_url(place: str) -> None:
    with serve(lead_to(place)) as server, pytest.raises(OutboundRefused) as caught:
        fetch(server.url, allow(server))
    assert caught.value.code in {"address_not_allowed", "url_invalid"}
    assert server.met == 1


def test_redirect_to_a_port_that_is_closed_does_not_reach_its_server() -> None:
    with (
        serve(say(200, b"secret")) as inside,
        serve(lead_to(inside.url)) as outside,
        pytest.raises(OutboundRefused) as caught,
    ):
        fetch(outside.url, allow(outside))
    assert (caught.value.code, inside.met) == ("address_not_allowed", 0)


def test_redirect_from_https_to_http_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = make_authority(tmp_path_factory.mktemp("certificates"))
    with (
        serve(say(200, b"photo")) as plain,
        serve(lead_to(plain.url), tls=authority.make_server_tls("localhost")) as secure,
        pytest.raises(UrlInvalid, match="from https:// to http://"),
    ):
        fetch(f"https://localhost:{secure.port}/", allow(plain, secure, ca_file=authority.file))
    assert plain.met == 0


def test_redirects_are_followed_up_to_the_cap() -> None:
    places = [f"/{hop}" for hop in range(1, 6)]

    def speak(connection: socket.socket, head: bytes) -> None:
        (say(200, b"photo") if b" /5 " in head else lead_to(*places))(connection, head)

    with serve(speak) as server:
        assert fetch(f"{server.url}/0", allow(server, max_hops=5)).data == b"photo"
        with pytest.raises(TooManyRedirects, match="more than 4 times"):
            fetch(f"{server.url}/0", allow(server, max_hops=4))


def test_redirects_in_a_circle_end() -> None:
    with serve(lead_to("/1", "/0")) as server, pytest.raises(TooManyRedirects):
        fetch(f"{server.url}/0", allow(server))
    assert server.met == 6


# --- size ---


def _endless(connection: socket.socket, _head: bytes) -> None:
    connection.sendall(write_head(200, {"Content-Type": "image/jpeg"}))
    while True:
        connection.sendall(bytes(65536))


def _endless_chunks(connection: socket.socket, _head: bytes) -> None:
    connection.sendall(write_head(200, {"Transfer-Encoding": "chunked"}))
    while True:
        connection.sendall(b"10000\r\n" + bytes(65536) + b"\r\n")


@pytest.mark.parametrize("speak", [_endless, _endless_chunks])
def test_body_without_end_is_cut_at_the_cap(speak: Speak) -> None:
    with serve(speak) as server:
        tracemalloc.start()
        with pytest.raises(UrlTooLarge, match=str(_MIB)):
            fetch(server.url, allow(server, max_bytes=_MIB))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 8 * _MIB


def test_body_announced_as_too_large_is_not_read() -> None:
    with serve(say_raw(write_head(200, {"Content-Length": str(10**12)}))) as server:
        begun = time.monotonic()
        with pytest.raises(UrlTooLarge):
            fetch(server.url, allow(server))
    assert time.monotonic() - begun < 2


def test_body_of_exactly_the_cap_is_fetched() -> None:
    with serve(say(200, bytes(1000))) as server:
        assert len(fetch(server.url, allow(server, max_bytes=1000)).data) == 1000
        with pytest.raises(UrlTooLarge):
            fetch(server.url, allow(server, max_bytes=999))


def test_body_shorter_than_announced_is_broken_off() -> None:
    half = say_raw(write_head(200, {"Content-Length": "100"}) + b"half")
    with serve(half) as server, pytest.raises(UrlUnreachable, match="broke off") as caught:
        fetch(server.url, allow(server))
    assert caught.value.transient


def test_body_longer_than_announced_ends_where_it_was_announced() -> None:
    with serve(say_raw(write_head(200, {"Content-Length": "4"}) + b"half of it")) as server:
        assert fetch(server.url, allow(server)).data == b"half"


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate", "identity, gzip", "x"])
def test_compressed_body_is_refused(encoding: str) -> None:
    with serve(say(200, b"\x1f\x8b", content_encoding=encoding)) as server, pytest.raises(UrlEncoded):
        fetch(server.url, allow(server))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"+OK\r\n",
        b"HTTP/1.1 200 So\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 So\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 So\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 So\r\n" + b"X: " + b"a" * 200_000,
        b"HTTP/1.1 200 So\r\n" + b"X: y\r\n" * 100_000,
    ],
    ids=["nothing", "ssh", "redis", "negative", "two sizes", "chunk", "long header", "many headers"],
)
def test_answer_that_is_not_http_is_named(data: bytes) -> None:
    with serve(say_raw(data)) as server, pytest.raises(UrlUnreachable, match="does not speak HTTP"):
        fetch(server.url, allow(server))


# --- time ---


def _drip(server_head: bytes, drop: bytes) -> Speak:
    def speak(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(server_head)
        for _ in range(200):
            connection.sendall(drop)
            time.sleep(0.05)

    return speak


@pytest.mark.parametrize(
    "speak",
    [
        _drip(b"HTTP/1.1 200 So\r\nContent-Length: 100000\r\n\r\n", b"x"),
        _drip(b"HTTP/1.1 200 So\r\n", b"X: y\r\n"),
        _drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        _drip(b"HTTP/1.1 200 So\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["body", "headers", "continue", "chunks"],
)
def test_server_that_drips_is_left_when_the_time_is_up(speak: Speak) -> None:
    with serve(speak) as server:
        begun = time.monotonic()
        with pytest.raises(UrlTimeout) as caught:
            fetch(server.url, allow(server, timeout_s=0.5))
        took = time.monotonic() - begun
    assert caught.value.transient
    assert 0.4 < took < 2


def _hang(server: Server) -> None:
    server.ending.wait(10)


def test_server_that_says_nothing_is_left_when_the_time_is_up() -> None:
    def speak(_connection: socket.socket, _head: bytes) -> None:
        _hang(server)

    with serve(speak) as server, pytest.raises(UrlTimeout):
        fetch(server.url, allow(server, timeout_s=0.3))


def test_tls_that_is_never_agreed_on_is_left_when_the_time_is_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server("127.0.0.1", listener.getsockname()[1], "https")
        with pytest.raises(UrlTimeout):
            fetch(server.url, allow(server, timeout_s=0.3))


def test_time_is_shared_by_all_redirects() -> None:
    def speak(connection: socket.socket, head: bytes) -> None:
        time.sleep(0.3)
        lead_to("/next")(connection, head)

    with serve(speak) as server:
        begun = time.monotonic()
        with pytest.raises(UrlTimeout):
            fetch(server.url, allow(server, timeout_s=0.7))
        assert time.monotonic() - begun < 1.5
    assert server.met == 3
