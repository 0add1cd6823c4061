"""The command where things are amiss: what it says, and its exit status."""

from pathlib import Path

import pytest

from tests.vitrine.commands import run
from tests.vitrine.server import Server, make_json, make_problem
from vitrine.cli.catalogues import parse_columns, parse_nearness
from vitrine.cli.progress import describe_pace
from vitrine.jobs import JobRow

ID = "019aa9f0-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("", "k", "set VITRINE_URL"),
        ("http://127.0.0.1:9", "", "set VITRINE_KEY"),
        ("http://127.0.0.1:9", "schlüssel", "VITRINE_KEY is no API key"),
        ("localhost:8000", "k", "localhost:8000 is no address"),
        ("http://host:port", "k", "is no address"),
    ],
)
def test_command_without_address_or_key_says_what_to_set(url: str, key: str, said: str) -> None:
    result = run("galleries", url=url, key=key)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_absent_service_is_a_line_and_not_a_traceback() -> None:
    result = run("jobs", url="http://127.0.0.1:9")
    assert result.exit_code == 3
    assert "Nothing can be reached at http://127.0.0.1:9" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_rejected_key_is_told_with_its_code(server: Server) -> None:
    server.script = iter([make_problem(401, "key_rejected", "The key is not accepted.")])
    result = run("jobs", url=server.url)
    assert result.exit_code == 3
    assert "The key is not accepted. (HTTP 401, key_rejected, request r-1)" in result.stderr


@pytest.mark.parametrize("said", ["Shelv", ID])
def test_unknown_gallery_is_answered_with_those_that_there_are(server: Server, said: str) -> None:
    row = {"id": "g", "name": "Shelf", "state": "ready"}
    listed = [make_json({"results": [row], "next": None})] * 2
    by_id = [make_problem(404, "gallery_not_found", "No such gallery.")] if said == ID else []
    server.script = iter([*by_id, *listed])
    result = run("search", said, "photo.jpg", url=server.url)
    assert result.exit_code == 2
    assert f"There is no gallery {said!r}. Yours are: 'Shelf'." in result.stderr


def test_unknown_job_is_wrong_use(server: Server) -> None:
    server.script = iter([make_problem(404, "job_not_found", "There is no such job.")])
    assert run("job", ID, url=server.url).exit_code == 2
    assert run("job", "no-id", url=server.url).exit_code == 2
    assert len(server.asked) == 1


def test_missing_source_is_told_before_anything_is_asked(server: Server) -> None:
    result = run("import", "Shelf", "nowhere", url=server.url)
    assert (result.exit_code, server.asked) == (2, [])
    assert "There is no file or folder nowhere" in result.stderr


def test_report_that_cannot_be_written_leaves_nothing(server: Server, tmp_path: Path) -> None:
    result = run("report", ID, "--out", tmp_path / "no" / "report.csv", url=server.url)
    assert (result.exit_code, server.asked) == (2, [])
    server.script = iter([make_problem(404, "job_not_found", "There is no such job.")])
    assert run("report", ID, "--out", tmp_path / "report.csv", url=server.url).exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [("--column", "sku"), ("--near-duplicates", "8"), ("--mode", "merge")])
def test_option_that_cannot_be_is_wrong_use(server: Server, options: tuple[str, str]) -> None:
    result = run("import", "Shelf", __file__, *options, url=server.url)
    assert (result.exit_code, server.asked) == (2, [])
    assert options[0] in result.stderr


def test_options_of_an_import_are_read() -> None:
    assert parse_columns(["sku=Artikelnummer", "image = a=b "]) == {"sku": "Artikelnummer", "image": "a=b"}
    assert [parse_nearness(said) for said in (None, "off", "0", "7")] == ["usual", None, 0, 7]


def test_pace_is_told_as_far_as_it_is_known() -> None:
    assert describe_pace(JobRow("j", "import", "pending")) == ""
    row = JobRow("j", "import", "running", items_per_second=12.54, seconds_left=4805.2)
    assert describe_pace(row) == "12.5 a second, 1:20:05 left"
