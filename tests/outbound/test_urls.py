from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound.errors import AddressNotAllowed, UrlInvalid
from outbound.policy import FetchPolicy
from outbound.urls import read_url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "photo.jpg",
        "//acme.example/1.jpg",
        "ftp://acme.example/1.jpg",
        "file:///etc/passwd",
        "gopher://acme.example/1",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "http://acme.example/1.jpg",
        "https://",
        "https:///1.jpg",
        "https://user@acme.example/1.jpg",
        "https://user:password@acme.example/1.jpg",
        "https://acme.example\\@127.0.0.1/1.jpg",
        "https://acme example/1.jpg",
        "https://acme..example/1.jpg",
        "https://-/\x00",
        "https://acme.example:port/",
        "https://acme.example/\ud800",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://acme.0x7f/",
        "https://acme.example/" + "a" * 4096,
        "https://" + "a" * 64 + ".example/",
    ],
)
def test_url_that_may_not_be_asked_is_invalid(text: str) -> None:
    with pytest.raises(UrlInvalid):
        read_url(text, FetchPolicy())


@pytest.mark.parametrize(
    ("text", "host", "target"),
    [
        ("https://acme.example", "acme.example", b"/"),
        ("https://ACME.example:443/a b.jpg?w=1#top", "acme.example", b"/a%20b.jpg?w=1"),
        ("  https://acme.example/1.jpg\n", "acme.example", b"/1.jpg"),
        ("https://bücher.example/ü.jpg", "xn--bcher-kva.example", b"/%C3%BC.jpg"),
        ("https://img_1.acme.example/1.jpg", "img_1.acme.example", b"/1.jpg"),
        ("https://8.8.8.8/1.jpg", "8.8.8.8", b"/1.jpg"),
    ],
)
def test_url_that_may_be_asked_is_read(text: str, host: str, target: bytes) -> None:
    url = read_url(text, FetchPolicy())
    assert (url.raw_host.decode(), url.raw_path) == (host, target)


@pytest.mark.parametrize("port", [0, 22, 25, 80, 5432, 6379, 8443, 99999])
def test_port_other_than_443_is_refused(port: int) -> None:
    with pytest.raises(AddressNotAllowed, match=str(port)):
        read_url(f"https://acme.example:{port}/", FetchPolicy())


def test_ports_open_by_policy() -> None:
    assert read_url("http://acme.example/", FetchPolicy(https_only=False)).scheme == "http"
    assert read_url("https://acme.example:8443/", FetchPolicy(ports=frozenset({8443}))).port == 8443
    with pytest.raises(AddressNotAllowed):
        read_url("https://acme.example/", FetchPolicy(ports=frozenset({8443})))


@given(
    text=st.text()
    | st.text().map(lambda tail: f"https://{tail}")
    | st.text().map(lambda tail: f"https://a.b/{tail}")
)
def test_url_of_any_text_is_read_or_refused(text: str) -> None:
    with suppress(UrlInvalid, AddressNotAllowed):
        url = read_url(text, FetchPolicy())
        assert (url.scheme, url.userinfo, url.port) == ("https", b"", None)
        assert url.raw_path.isascii()
