"""What an operator's probes see, and what callers hear while the recognition worker is away."""

import signal
import time

import httpx

from tests.api.conftest import Stall
from tests.api.photos import draw_photo
from tests.api.problems import check_problem
from tests.conftest import Service, wait_until


def read_parts(service: Service) -> dict[str, str]:
    parts: dict[str, str] = httpx.get(f"{service.url}/readyz").json()["parts"]
    return parts


def recognize(stall: Stall) -> httpx.Response:
    return stall.shop.http.post(f"{stall.path}/recognize", files={"image": draw_photo(1)})


def test_livez_answers_without_a_key(service: Service) -> None:
    response = httpx.get(f"{service.url}/livez")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_readyz_names_every_part(service: Service) -> None:
    service.wait_ready()
    response = httpx.get(f"{service.url}/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "parts": {"database": "ok", "broker": "ok", "milvus": "ok", "models": "ok"},
    }


def test_recognize_without_a_worker_is_refused_quickly_and_works_again_after(
    service: Service, stall: Stall
) -> None:
    service.stop("recognize")
    try:
        wait_until(lambda: read_parts(service)["models"] != "ok", "the worker is seen to be gone", 8)
        check_unready(service)
        started = time.monotonic()
        response = recognize(stall)
        assert time.monotonic() - started < 3
        check_problem(response, "workers_away")
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert stall.shop.http.get(f"{stall.path}/products").status_code == 200
    finally:
        service.start("recognize")
        service.wait_ready()
    assert recognize(stall).json()["answer"]["product"]["sku"] == "sku-1"


def check_unready(service: Service) -> None:
    """That the models alone are said to be away."""
    response = httpx.get(f"{service.url}/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "unavailable")
    parts = response.json()["parts"]
    assert parts.pop("models").startswith("away")
    assert set(parts.values()) == {"ok"}
    assert httpx.get(f"{service.url}/livez").status_code == 200


def test_recognize_right_after_a_worker_was_killed_is_refused_within_the_time_limit(
    service: Service, stall: Stall
) -> None:
    service.stop("recognize", signal.SIGKILL)
    try:
        started = time.monotonic()
        response = recognize(stall)
        assert time.monotonic() - started < 13
        assert check_problem(response) in {"recognition_timeout", "workers_away"}
        assert int(response.headers["Retry-After"]) > 0
    finally:
        service.start("recognize")
        service.wait_ready()
    assert recognize(stall).status_code == 200
