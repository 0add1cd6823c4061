"""Bodies that make no sense: each ends as a clear 4xx problem, never as an error of ours."""

import base64
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from tests.api.catalog import post_raw
from tests.api.conftest import Stall
from tests.api.photos import draw_photo
from tests.api.problems import check_problem
from tests.conftest import Service


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"name": }',
        b"\xff\xfe\xfd",
        b'{"name": NaN}',
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b"9" * 10_000,
    ],
    ids=["empty", "cut", "no value", "not UTF-8", "NaN", "deep list", "deep object", "long number"],
)
def test_malformed_json_is_refused(stall: Stall, body: bytes) -> None:
    for path in ("/v1/galleries", f"{stall.path}/products", f"{stall.path}/recognize"):
        response = post_raw(stall.shop, path, body, "application/json")
        assert check_problem(response) in {"malformed_body", "invalid_request"}
        assert response.status_code == 400


@pytest.mark.parametrize("charset", ["rot13", "hex", "base64", "idna", "zlib", "no-such", "utf-16", "utf-7"])
def test_odd_charset_is_no_error_of_ours(stall: Stall, charset: str) -> None:
    json_type = f"application/json; charset={charset}"
    form_type = f"multipart/form-data; boundary=b; charset={charset}"
    form = b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\nabc\r\n--b--\r\n'
    for body, kind in ((b'{"title": 1}', json_type), (form, form_type)):
        response = post_raw(stall.shop, f"{stall.path}/recognize", body, kind)
        assert 400 <= response.status_code < 500, (response.text, kind)
        check_problem(response)


@pytest.mark.parametrize("value", [None, [], {}, 5, True, "text", [[]]])
def test_json_of_the_wrong_kind_is_refused(stall: Stall, value: Any) -> None:
    for path in ("/v1/galleries", f"{stall.path}/products", f"{stall.path}/recognize"):
        check_problem(stall.shop.http.post(path, json=value), "invalid_request")


DISPOSITION = b'Content-Disposition: form-data; name="image"'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--b\r\n"),
        ("multipart/form-data; boundary=", b"--b\r\n"),
        ("multipart/form-data; boundary=" + "b" * 500, b"--b\r\n"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"no parts at all"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + DISPOSITION + b'; filename="a.png"\r\n\r\ncut'),
        ("multipart/form-data; boundary=b", b"--b\r\n\xff\xff: \xfe\r\n\r\nx\r\n--b--\r\n"),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\n" + DISPOSITION + b"; filename*=bogus''%41.png\r\n\r\nx\r\n--b--\r\n",
        ),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\n"
            + DISPOSITION
            + b'; filename="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n--b--\r\n',
        ),
    ],
    ids=["no boundary", "empty boundary", "long boundary", "empty", "none", "cut", "bytes", "name", "base64"],
)
def test_malformed_multipart_is_refused(stall: Stall, content_type: str, body: bytes) -> None:
    for path in (f"{stall.path}/recognize", f"{stall.path}/products/{stall.products[0]}/images"):
        response = post_raw(stall.shop, path, body, content_type)
        assert 400 <= response.status_code < 500, response.text
        check_problem(response)


def test_too_many_files_and_fields_are_refused(stall: Stall) -> None:
    path = f"{stall.path}/products/{stall.products[0]}/images"
    files = [("images", (f"{number}.png", b"x")) for number in range(settings.MAX_IMAGES_PER_REQUEST + 1)]
    check_problem(stall.shop.http.post(path, files=files), "body_too_large")
    fields = {f"field{number}": "x" for number in range(2000)}
    response = stall.shop.http.post(path, data=fields, files={"images": ("a.png", draw_photo(1))})
    check_problem(response, "body_too_large")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "image/png", "", "/"])
def test_wrong_content_type_is_refused(stall: Stall, content_type: str) -> None:
    for path in ("/v1/galleries", f"{stall.path}/recognize"):
        response = post_raw(stall.shop, path, draw_photo(1), content_type)
        check_problem(response, "unsupported_media_type")
    upload = f"{stall.path}/products/{stall.products[0]}/images"
    check_problem(stall.shop.http.post(upload, json={"images": []}), "unsupported_media_type")


@pytest.mark.parametrize(
    "image", ["", "é", "a", "@@@@", "AAA", "data:image/png;base64,", "\x00", None, 5, [], {"a": 1}, True]
)
def test_bad_base64_is_refused(stall: Stall, image: Any) -> None:
    response = stall.shop.http.post(f"{stall.path}/recognize", json={"image": image})
    assert 400 <= response.status_code < 500
    assert check_problem(response) in {"invalid_request", "image_empty", "image_unsupported_format"}


def test_base64_with_a_data_prefix_is_taken(stall: Stall) -> None:
    encoded = base64.b64encode(draw_photo(1)).decode()
    body = {"image": f"data:image/png;base64,{encoded}"}
    assert stall.shop.http.post(f"{stall.path}/recognize", json=body).status_code == 200


def read_status(service: Service, head: str) -> int:
    """The status that a request's head alone is answered with; its body is never sent."""
    address = urlsplit(service.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode())
        return int(connection.recv(4096).split()[1])


def test_body_that_says_it_is_too_large_is_refused_before_it_is_sent(service: Service, stall: Stall) -> None:
    head = (
        f"POST {stall.path}/recognize HTTP/1.1\nHost: localhost\nContent-Type: application/json\n"
        f"Authorization: Bearer {stall.shop.key}\nContent-Length: {settings.MAX_BODY_BYTES + 1}\n\n"
    )
    assert read_status(service, head) == 413


def test_json_larger_than_a_photo_is_refused(stall: Stall) -> None:
    body = b'{"image": "' + b"A" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b'"}'
    for path in (f"{stall.path}/recognize", "/v1/galleries"):
        check_problem(post_raw(stall.shop, path, body, "application/json"), "body_too_large")
