"""Photos behind URLs, from real servers on loopback."""

import socket
import time
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from outbound.policy import FetchPolicy
from tests.outbound.servers import Speak, allow, lead_to, say, serve
from transfer.errors import RowRefused
from transfer.sources.urls import UrlPhotos, open_remote


def _in_turn(*answers: Speak) -> Speak:
    left: Iterator[Speak] = iter(answers)

    def speak(connection: socket.socket, head: bytes) -> None:
        next(left)(connection, head)

    return speak


def test_photo_is_read() -> None:
    with serve(say(200, b"photo")) as server:
        assert UrlPhotos(allow(server)).read_photo(f"{server.url}/1.jpg") == b"photo"


def test_photo_is_asked_for_again_when_its_server_is_busy() -> None:
    pauses: list[float] = []
    with serve(_in_turn(say(503), say(429), say(200, b"photo"))) as server:
        assert UrlPhotos(allow(server), sleep=pauses.append).read_photo(server.url) == b"photo"
    assert (server.met, pauses) == (3, [0.5, 2.0])


def test_server_that_stays_busy_fails_the_row_after_three_tries() -> None:
    with serve(say(503)) as server, pytest.raises(RowRefused, match="answered 503") as caught:
        UrlPhotos(allow(server), sleep=lambda _: None).read_photo(server.url)
    assert (caught.value.code, server.met) == ("url_status", 3)


def test_server_that_is_away_fails_the_row() -> None:
    with serve(say(200)) as gone:
        photos = UrlPhotos(allow(gone), sleep=lambda _: None)
    with pytest.raises(RowRefused) as caught:
        photos.read_photo(gone.url)
    assert caught.value.code == "url_unreachable"


@pytest.mark.parametrize(
    ("speak", "code"),
    [
        (say(404), "url_status"),
        (say(200, bytes(2000)), "url_too_large"),
        (lead_to("http://169.254.169.254/"), "address_not_allowed"),
        (lead_to("ftp://acme.example/"), "url_invalid"),
        (say(200, b"", content_encoding="gzip"), "url_encoded"),
    ],
)
def test_final_refusal_is_the_rows_and_is_not_asked_again(speak: Speak, code: str) -> None:
    with serve(speak) as server, pytest.raises(RowRefused) as caught:
        UrlPhotos(allow(server, max_bytes=1000), sleep=lambda _: None).read_photo(server.url)
    assert (caught.value.code, server.met) == (code, 1)
    assert caught.value.message


def test_circle_of_redirects_is_not_asked_again() -> None:
    with serve(lead_to("/0")) as server, pytest.raises(RowRefused) as caught:
        UrlPhotos(allow(server, max_hops=2), sleep=lambda _: None).read_photo(server.url)
    assert (caught.value.code, server.met) == ("too_many_redirects", 3)


def test_all_tries_together_take_no_longer_than_the_time() -> None:
    def be_slow(connection: socket.socket, head: bytes) -> None:
        time.sleep(0.4)
        say(503)(connection, head)

    with serve(be_slow) as server:
        began = time.monotonic()
        with pytest.raises(RowRefused) as caught:
            UrlPhotos(allow(server, timeout_s=1.2)).read_photo(server.url)
        assert time.monotonic() - began < 1.5
    assert caught.value.code in {"url_status", "url_timeout"}
    assert server.met == 2


def test_urls_are_off_unless_the_operator_turns_them_on(settings: Settings) -> None:
    assert open_remote() is None
    settings.IMPORT_URLS = "https"
    assert open_remote() is not None


@pytest.mark.parametrize(
    ("urls", "private", "code"),
    [
        ("https", False, "url_invalid"),
        ("https", True, "url_invalid"),
        ("http", False, "address_not_allowed"),
        ("http", True, ""),
    ],
)
def test_operator_decides_on_http_and_private_addresses(
    settings: Settings, urls: str, code: str, *, private: bool
) -> None:
    settings.IMPORT_URLS = urls
    settings.IMPORT_PRIVATE_ADDRESSES = private
    with serve(say(200, b"photo")) as server:
        photos = open_remote()
        assert photos is not None
        if not code:
            assert photos.read_photo(server.url) == b"photo"
            return
        with pytest.raises(RowRefused) as caught:
            photos.read_photo(server.url)
    assert (caught.value.code, server.met) == (code, 0)


def test_photo_may_be_as_large_as_an_uploaded_one(settings: Settings) -> None:
    settings.IMPORT_URLS, settings.IMPORT_PRIVATE_ADDRESSES, settings.MAX_IMAGE_BYTES = "http", True, 1000
    photos = open_remote()
    assert photos is not None
    with serve(say(200, bytes(1000))) as server:
        assert len(photos.read_photo(server.url)) == 1000
    with serve(say(200, bytes(1001))) as server, pytest.raises(RowRefused) as caught:
        photos.read_photo(server.url)
    assert caught.value.code == "url_too_large"


def test_row_with_a_private_address_is_refused_by_default() -> None:
    with pytest.raises(RowRefused) as caught:
        UrlPhotos(FetchPolicy()).read_photo("https://169.254.169.254/latest/meta-data/")
    assert caught.value.code == "address_not_allowed"
