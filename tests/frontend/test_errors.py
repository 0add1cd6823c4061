"""Errors: a page for people, a problem for programs."""

import pytest
import redis
from django.db import OperationalError
from django.test import Client

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_unknown_page_is_a_page_for_people_and_a_problem_for_programs(db: None) -> None:
    page = Client(headers=BROWSER).get("/nowhere")
    assert page.status_code == 404
    assert page["Content-Type"].startswith("text/html")
    assert "There is nothing here" in page.content.decode()
    for path, headers in (("/nowhere", {}), ("/v1/nowhere", BROWSER), ("/v1/galleries", BROWSER)):
        problem = Client(headers=headers).get(path)
        assert problem["Content-Type"] == "application/problem+json", path


def test_page_with_a_host_that_is_not_ours_is_refused(db: None) -> None:
    answer = Client(headers={**BROWSER, "Host": "evil.example"}).get("/account/login/")
    assert answer.status_code == 400
    assert "evil" not in answer.content.decode()


def test_crash_shows_the_request_and_nothing_of_the_error(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fall(*_args: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr("frontend.views.invitations.find_invitation", lambda **_: fall())
    client = Client(raise_request_exception=False, headers={**BROWSER, "X-Request-ID": "abc-1"})
    answer = client.get("/invitations/x")
    assert answer.status_code == 500
    assert "abc-1" in answer.content.decode()
    assert "secret inside" not in answer.content.decode()
    assert answer["Content-Security-Policy"]


@pytest.mark.parametrize("error", [OperationalError("gone"), redis.ConnectionError("gone")])
def test_server_that_is_away_is_said_so(db: None, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr("frontend.views.invitations.find_invitation", fail)
    answer = Client(headers=BROWSER).get("/invitations/x")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "gone" not in answer.content.decode()
