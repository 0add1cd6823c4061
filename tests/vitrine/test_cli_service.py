"""The command against the running service, as a shop's owner uses it."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image
from typer.testing import Result

from tests.api.photos import draw_photo
from tests.conftest import ROOT, Service, Shop, wait_until
from tests.relay import Relay
from tests.vitrine.commands import read_json, run

CHUNK = 4 * 2**20
BALLAST = 3 * CHUNK - 1000


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """Two products with two photos each, one of which is none."""
    folder = tmp_path / "shop"
    for seed, name in enumerate(("tea/front.png", "tea/side.png", "coffee/front.png")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw_photo(seed))
    (folder / "coffee" / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def relay(service: Service) -> Iterator[Relay]:
    """A way to the service that can fall silent."""
    found = Relay("127.0.0.1", urlsplit(service.url).port or 80)
    yield found
    found.close()


def ask(shop: Shop, *arguments: object) -> Result:
    return run(*arguments, url=str(shop.http.base_url), key=shop.key)


def list_uploads(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.http.get("/v1/uploads").json()["results"]
    return found


def test_folder_is_imported_recognised_reported_and_exported(
    acme: Shop, catalogue: Path, tmp_path: Path
) -> None:
    gallery = f"Shelf {uuid.uuid4().hex}"

    imported = ask(acme, "import", gallery, catalogue, "--create")

    assert imported.exit_code == 1, imported.stderr
    assert "coffee broken.png" in " ".join(imported.stdout.split())
    (job,) = read_json(ask(acme, "jobs", "--kind", "import", "--gallery", gallery, "--json"))
    assert (job["state"], job["total"], job["done"], job["failed"]) == ("succeeded", 4, 3, 1)
    shown = ask(acme, "job", job["id"], "--watch", "--json")
    assert shown.exit_code == 1
    assert [row["name"] for row in read_json(shown)["first_failures"]] == ["broken.png"]
    assert "vitrine retry" in ask(acme, "job", job["id"]).stdout
    report = ask(acme, "report", job["id"])
    assert len(report.stdout.splitlines()) == 5
    again = ask(acme, "retry", job["id"])
    assert (again.exit_code, "broken.png" in again.stdout) == (1, True)

    known = ask(acme, "recognize", gallery, catalogue / "tea" / "front.png")
    assert known.exit_code == 0, known.stdout
    assert "tea" in known.stdout
    found = read_json(ask(acme, "search", gallery, catalogue / "tea" / "side.png", "--json"))
    assert found["matches"][0]["sku"] == "tea"
    plain = BytesIO()
    Image.new("RGB", (300, 300), "white").save(plain, "PNG")
    (tmp_path / "white.png").write_bytes(plain.getvalue())
    assert ask(acme, "recognize", gallery, tmp_path / "white.png").exit_code == 1

    archive = tmp_path / "out.zip"
    assert ask(acme, "export", gallery, archive).exit_code == 0
    copied = ask(acme, "import", f"{gallery} copy", archive, "--create", "--near-duplicates", "off", "--json")
    assert (copied.exit_code, read_json(copied)["done"]) == (0, 3), copied.stderr
    assert {gallery, f"{gallery} copy"} <= {
        row["name"] for row in read_json(ask(acme, "galleries", "--json"))
    }
    measured = ask(acme, "evaluate", gallery, "--sample", 10)
    assert (measured.exit_code, "(recommended)" in measured.stdout) == (0, True), measured.stderr


def test_manifest_says_in_a_dry_run_what_would_be(acme: Shop, catalogue: Path) -> None:
    gallery = f"Dry {uuid.uuid4().hex}"
    (catalogue / "manifest.csv").write_text(
        "Article;image\ntea;tea/front.png\ncocoa;cocoa/lost.png\n", "utf-8"
    )
    options = ("--create", "--dry-run", "--column", "sku=Article", "--mode", "replace")
    planned = ask(acme, "import", gallery, catalogue, *options)
    assert planned.exit_code == 1, planned.stderr
    assert "1 products would be created" in planned.stdout
    assert "cocoa" in planned.stdout


def test_refused_source_is_told_and_fails(acme: Shop, tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text("name\ntea\n", "utf-8")
    refused = ask(acme, "import", f"Refused {uuid.uuid4().hex}", tmp_path / "shop.csv", "--create")
    assert refused.exit_code == 1, refused.stderr
    assert "sku" in refused.stdout


def test_import_left_alone_can_be_cancelled(acme: Shop, catalogue: Path) -> None:
    left = ask(acme, "import", f"Left {uuid.uuid4().hex}", catalogue, "--create", "--no-wait", "--json")
    assert left.exit_code == 0, left.stderr
    job = read_json(left)["id"]
    cancelled = ask(acme, "cancel", job, "--json")
    assert read_json(cancelled)["state"] == "cancelled", cancelled.stderr


def start(shop: Shop, url: str, *arguments: object) -> "subprocess.Popen[str]":
    """The command as a process of its own."""
    environment = {**os.environ, "VITRINE_URL": url, "VITRINE_KEY": shop.key}
    command = [sys.executable, "-m", "vitrine", *map(str, arguments)]
    folder = ROOT / "platform"
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def interrupt(shop: Shop, relay: Relay, command: "subprocess.Popen[str]", received: int, how: int) -> str:
    """End the command by the signal when so much of its upload is there; what it said."""
    wait_until(
        lambda: any(row["received"] == received for row in list_uploads(shop)), f"{received} are there"
    )
    assert command.poll() is None
    command.send_signal(how)
    said = command.communicate(timeout=30)[1]
    relay.cut()
    return said


def test_upload_interrupted_and_killed_goes_on(acme: Shop, relay: Relay, catalogue: Path) -> None:
    (catalogue / "ballast.bin").write_bytes(os.urandom(BALLAST))
    asked = ("import", f"Killed {uuid.uuid4().hex}", catalogue, "--create")
    address = f"http://127.0.0.1:{relay.port}"

    relay.silence_after(CHUNK * 3 // 2)
    first = start(acme, address, *asked)
    said = interrupt(acme, relay, first, CHUNK, signal.SIGINT)
    assert first.returncode == 130
    assert "Run the same command again" in said
    assert "Traceback" not in said
    relay.restore()
    relay.silence_after(CHUNK * 3 // 2)
    second = start(acme, address, *asked)
    interrupt(acme, relay, second, 2 * CHUNK, signal.SIGKILL)
    assert second.returncode == -signal.SIGKILL
    relay.restore()
    passed = relay.passed
    relay.silence_after(2 * CHUNK)
    third = start(acme, address, *asked)
    said = third.communicate(timeout=120)[1]

    assert third.returncode == 1, said
    assert relay.passed - passed < CHUNK * 3 // 2, "only the rest is sent"
    (upload,) = list_uploads(acme)
    assert upload["completed_at"]
    (job,) = acme.http.get("/v1/jobs", params={"kind": "import"}).json()["results"]
    assert (job["counts"]["done"], job["counts"]["failed"]) == (3, 1)
