"""The service behind a proxy that ends TLS, as the environment of production sets it."""

import json
import secrets
import subprocess
import sys

import pytest

from stack.procfile import process_environment
from tests.config.production import HOST, REQUESTS, Answer
from tests.conftest import ROOT

ENVIRONMENT = {
    "BEHIND_TLS_PROXY": "1",
    "ALLOWED_HOSTS": f"localhost,127.0.0.1,{HOST}",
    "PUBLIC_URL": f"https://{HOST}",
    "SECRET_KEY": secrets.token_hex(32),
    "EMAIL_HOST": "mail.example.com",
    "DJANGO_SETTINGS_MODULE": "config.settings",
}


def run_python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = process_environment(ENVIRONMENT, ROOT)
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def asked() -> "subprocess.CompletedProcess[str]":
    return run_python("-m", "tests.config.production")


@pytest.fixture(scope="module")
def answers(asked: "subprocess.CompletedProcess[str]") -> dict[str, Answer]:
    assert asked.returncode == 0, asked.stderr
    return {name: Answer(**answer) for name, answer in json.loads(asked.stdout).items()}


def test_deployment_check_is_clean() -> None:
    answer = run_python("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert answer.returncode == 0, answer.stderr
    assert "no issues" in answer.stdout


def test_every_answer_carries_the_security_headers(answers: dict[str, Answer]) -> None:
    assert set(answers) == set(REQUESTS)
    for name, answer in answers.items():
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, name
        assert "unsafe" not in policy, name
        assert answer.headers["x-request-id"], name
        if name == "other host, no TLS":
            continue  # refused where those that follow are added
        assert answer.headers["x-content-type-options"] == "nosniff", name
        assert answer.headers["referrer-policy"] == "same-origin", name
        assert answer.headers["cross-origin-opener-policy"] == "same-origin", name


def test_answers_are_what_they_would_be_without_the_headers(answers: dict[str, Answer]) -> None:
    kinds = {name: (answer.status, answer.headers.get("content-type")) for name, answer in answers.items()}
    assert kinds["problem"] == (401, "application/problem+json")
    assert kinds["unknown"] == (404, "application/problem+json")
    assert kinds["page"] == (200, "text/html; charset=utf-8")
    assert kinds["unknown page"] == (404, "text/html; charset=utf-8")
    for name in ("problem", "unknown", "page", "unknown page"):
        assert answers[name].headers["x-frame-options"] == "DENY", name


def test_browsers_are_told_to_use_tls_alone(answers: dict[str, Answer]) -> None:
    for name in ("problem", "unknown", "page", "unknown page"):
        expected = "max-age=31536000; includeSubDomains"
        assert answers[name].headers["strict-transport-security"] == expected, name
    for name in ("no TLS", "live"):
        assert "strict-transport-security" not in answers[name].headers, name


def test_plain_http_is_sent_to_tls_but_for_the_probes(answers: dict[str, Answer]) -> None:
    assert answers["no TLS"].status == 301
    assert answers["no TLS"].headers["location"] == f"https://{HOST}/v1/galleries?limit=2"
    assert answers["live"].status == 200
    assert answers["ready"].status in {200, 503}  # no worker runs for this test


@pytest.mark.parametrize("name", ["other host", "other host, no TLS"])
def test_host_that_is_not_ours_is_a_problem(answers: dict[str, Answer], name: str) -> None:
    assert (answers[name].status, answers[name].headers["content-type"]) == (400, "application/problem+json")
    problem = json.loads(answers[name].body)
    assert problem["code"] == "invalid_request"
    assert problem["request_id"] == answers[name].headers["x-request-id"]
    assert "evil" not in answers[name].body


def test_host_that_is_not_ours_is_one_line_of_the_log(
    asked: "subprocess.CompletedProcess[str]", answers: dict[str, Answer]
) -> None:
    ids = [answers[name].headers["x-request-id"] for name in ("other host", "other host, no TLS")]
    log = asked.stderr.splitlines()
    first = next(number for number, line in enumerate(log) if "DisallowedHost" in line)
    # Nothing stands between the two.
    for line, identifier in zip(log[first:], ids, strict=False):
        assert f"WARNING django.security.DisallowedHost [{identifier}] Invalid HTTP_HOST header" in line
    assert asked.stderr.count("DisallowedHost") == len(ids)
    assert "Traceback" not in asked.stderr
