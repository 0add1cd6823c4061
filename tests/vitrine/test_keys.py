"""API keys by the client and the command."""

import json

import pytest

from tests.vitrine.commands import read_json, run
from tests.vitrine.server import Server, make_json, make_problem, open_client

ID = "019aa9f0-0000-7000-8000-000000000000"
ROW = {"id": ID, "name": "till [7]", "prefix": "abc", "scopes": ["recognize"], "state": "live"}
NEW = {**ROW, "key": "vtr_abc_SECRET"}


def test_keys_are_listed_by_whether_they_are_live(server: Server) -> None:
    server.script = iter([make_json({"results": [ROW], "next": None})] * 3)
    with open_client(server) as client:
        for live in (True, False, None):
            (row,) = client.keys.list_keys(live=live)
            assert (row.name, row.scopes, row.plaintext) == ("till [7]", ("recognize",), None)
    asked = [path for _, path, _ in server.asked]
    assert asked == [f"/v1/keys?{said}limit=200" for said in ("live=true&", "live=false&", "")]


def test_new_key_is_printed_alone_so_that_a_script_can_keep_it(server: Server) -> None:
    server.script = iter([make_json(NEW, 201)] * 3)
    created = run("keys", "create", "till", "--scope", "recognize", "--scope", "jobs", url=server.url)
    rotated = run("keys", "rotate", ID, "--overlap-hours", 0, url=server.url)
    assert (
        (created.exit_code, created.stdout) == (rotated.exit_code, rotated.stdout) == (0, f"{NEW['key']}\n")
    )
    assert "not shown again" in created.stderr
    bodies = [json.loads(body) for _, _, body in server.asked]
    assert bodies == [
        {"name": "till", "scopes": ["recognize", "jobs"], "expires_at": None},
        {"overlap_s": 0},
    ]
    shown = read_json(run("keys", "rotate", ID, "--json", url=server.url))
    assert (shown["key"], shown["id"]) == (NEW["key"], ID)


def test_keys_are_shown_and_revoked(server: Server) -> None:
    server.script = iter([make_json({"results": [ROW], "next": None})] * 2 + [(204, {}, b"")])
    table = run("keys", url=server.url)
    assert "till [7]" in table.stdout
    assert "vtr_abc_..." in table.stdout
    assert read_json(run("keys", "--all", "--json", url=server.url))[0]["scopes"] == ["recognize"]
    assert run("keys", "revoke", ID, url=server.url).exit_code == 0
    assert [(method, path) for method, path, _ in server.asked][-1] == ("DELETE", f"/v1/keys/{ID}")


@pytest.mark.parametrize(
    "arguments", [("create", "till"), ("rotate", "no-id"), ("rotate", ID, "--overlap-hours", 721)]
)
def test_wrong_use_asks_nothing(server: Server, arguments: tuple[object, ...]) -> None:
    assert run("keys", *arguments, url=server.url).exit_code == 2
    assert server.asked == []


def test_refusal_is_told_with_its_code(server: Server) -> None:
    server.script = iter([make_problem(409, "last_admin_key", "Make another such key first.")])
    refused = run("keys", "revoke", ID, url=server.url)
    assert refused.exit_code == 3
    assert "Make another such key first. (HTTP 409, last_admin_key" in refused.stderr
