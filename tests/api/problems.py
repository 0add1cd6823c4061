"""What every error must look like."""

import httpx

from api.errors import PROBLEMS

FIELDS = {"type", "title", "status", "detail", "code", "request_id"}


def check_problem(response: httpx.Response, code: str | None = None) -> str:
    """The code of the problem, after checking that it is a whole one (and of this code, if one is named)."""
    body = response.json() if response.content else {}
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    assert body.keys() >= FIELDS
    assert (response.status_code, body["title"]) == PROBLEMS[body["code"]]
    assert body["status"] == response.status_code
    assert body["type"] == f"urn:vitrine:problem:{body['code']}"
    assert body["detail"]
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert code is None or body["code"] == code, body
    found: str = body["code"]
    return found
