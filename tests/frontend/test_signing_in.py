"""Signing in and out, and what happens to those who guess."""

import subprocess
import sys

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client

from jobs.valkey import connect_valkey
from stack.procfile import process_environment
from tests.conftest import ROOT
from tests.frontend.conftest import PASSWORD, People, make_person, sign_in

_PRINT_COOKIES = """
from django.conf import settings as s
print(s.SESSION_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_NAME, s.CSRF_COOKIE_SECURE)
"""


@pytest.fixture
def alice(db: None) -> str:
    return make_person("alice@acme.example").email


def try_password(email: str, password: str, address: str = "192.0.2.1", host: str = "localhost") -> str:
    browser = Client(REMOTE_ADDR=address, headers={"Host": host})
    return browser.post("/account/login/", {"login": email, "password": password}).content.decode()


def is_in(email: str, address: str) -> bool:
    browser = Client(REMOTE_ADDR=address)
    answer = browser.post("/account/login/", {"login": email, "password": PASSWORD})
    return answer.status_code == 302 and browser.get("/").status_code == 200


def test_stranger_is_sent_to_sign_in_and_back(alice: str) -> None:
    browser = Client()
    sent = browser.get("/")
    assert sent["Location"] == "/account/login/?next=/"
    answer = browser.post("/account/login/", {"login": alice.upper(), "password": PASSWORD, "next": "/docs"})
    assert answer["Location"] == "/docs"


def test_sign_in_leads_nowhere_else(alice: str) -> None:
    answer = Client().post(
        "/account/login/", {"login": alice, "password": PASSWORD, "next": "https://evil.example/"}
    )
    assert answer["Location"] == "/"


def test_sign_out_ends_the_session_in_the_database(alice: str) -> None:
    browser = sign_in(alice)
    key = browser.session.session_key
    assert browser.get("/account/logout/").status_code == 200
    assert Session.objects.filter(pk=key).exists()
    browser.post("/account/logout/")
    assert not Session.objects.filter(pk=key).exists()
    assert browser.get("/").status_code == 302


def test_wrong_password_and_unknown_person_get_the_same_answer(alice: str) -> None:
    def strip(page: str) -> list[str]:
        return [line for line in page.splitlines() if "csrf" not in line and "login" not in line]

    wrong, unknown = try_password(alice, "wrong"), try_password("nobody@acme.example", "wrong")
    assert "not correct" in wrong
    assert strip(wrong) == strip(unknown)


def test_sixth_failure_for_an_account_is_refused_for_a_while_from_wherever(alice: str) -> None:
    for attempt in range(5):
        said = try_password(
            alice, "wrong", f"192.0.2.{attempt}", host=("localhost", "127.0.0.1")[attempt % 2]
        )
        assert "not correct" in said
    for host in ("localhost", "127.0.0.1", "[::1]"):
        refused = try_password(alice, PASSWORD, "198.51.100.1", host=host)
        assert "Too many failed login attempts" in refused


def test_others_sign_in_while_an_account_is_guarded(alice: str) -> None:
    vera = make_person("vera@acme.example").email
    for _ in range(6):
        try_password(alice, "wrong")
    assert is_in(vera, "192.0.2.1"), "from the same address"
    assert is_in(vera, "198.51.100.1"), "from another one"


def test_address_that_fails_too_often_is_refused_and_no_other(alice: str) -> None:
    for attempt in range(10):
        for number in range(2):
            try_password(f"guess{attempt}-{number}@acme.example", "wrong", "203.0.113.9")
    assert not is_in(alice, "203.0.113.9")
    assert is_in(alice, "203.0.113.10")


def test_success_does_not_wipe_what_was_tried_before(alice: str) -> None:
    for _ in range(4):
        try_password(alice, "wrong")
    assert is_in(alice, "192.0.2.1")
    try_password(alice, "wrong")
    assert "Too many" in try_password(alice, "wrong")


def test_cache_keys_tell_neither_people_nor_addresses(alice: str) -> None:
    try_password(alice, "wrong", "203.0.113.77")
    cache.set("allauth:203.0.113.77:alice", "1", 5)
    keys = [key.decode() for key in connect_valkey().scan_iter("vitrine:cache:*")]
    assert keys
    assert not [key for key in keys if "203" in key.rpartition(":")[0] or "alice" in key]
    assert {len(key.rpartition(":")[2]) for key in keys} == {64}


def test_form_without_its_token_is_refused_in_our_layout(alice: str) -> None:
    answer = Client(enforce_csrf_checks=True).post("/account/login/", {"login": alice, "password": PASSWORD})
    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()


def test_cookies_are_closed_to_scripts_and_other_sites(alice: str) -> None:
    browser = sign_in(alice)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    browser.get("/account/email/")
    assert browser.cookies[settings.CSRF_COOKIE_NAME]["httponly"]


def test_cookies_behind_a_tls_proxy_are_of_this_host_and_go_over_tls_alone() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _PRINT_COOKIES],
        env={
            **process_environment({"BEHIND_TLS_PROXY": "1"}, ROOT),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == ["__Host-vitrine_session", "True", "__Host-vitrine_csrf", "True"]


def test_session_changes_its_key_at_sign_in(alice: str) -> None:
    browser = Client()
    browser.get("/account/login/?next=/docs")
    session = browser.session
    session["seen"] = True
    session.save()
    before = session.session_key
    assert before is not None
    browser.cookies[settings.SESSION_COOKIE_NAME] = before
    browser.post("/account/login/", {"login": alice, "password": PASSWORD})
    assert browser.session.session_key != before
    assert not Session.objects.filter(pk=before).exists()


def test_nobody_signs_up(db: None) -> None:
    page = Client().get("/account/signup/")
    assert "Accounts come by invitation" in page.content.decode()
    answer = Client().post("/account/signup/", {"email": "eve@evil.example", "password1": PASSWORD})
    assert "Accounts come by invitation" in answer.content.decode()
    assert not User.objects.filter(email="eve@evil.example").exists()


def test_pages_are_kept_by_no_cache_and_carry_a_strict_policy(people: People) -> None:
    answer = people.alice.browser.get("/")
    assert "no-store" in answer["Cache-Control"]
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer["X-Frame-Options"] == "DENY"
