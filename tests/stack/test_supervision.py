"""What becomes of children and supervisors that end, by themselves or by force."""

import signal
import urllib.request

import psutil
import pytest

from .conftest import Project, wait_until


def is_up_again(project: Project, name: str, old_pid: int) -> bool:
    mark = project.child(name) if name in {mark.name for mark in project.record.children} else None
    return (
        mark is not None
        and mark.pid != old_pid
        and f"{name:<9} | started again, pid {mark.pid}" in project.output
    )


@pytest.mark.parametrize("name", ["parent", "web", "valkey", "postgres", "milvus"])
def test_child_killed_is_started_again(acme: Project, name: str) -> None:
    before = acme.exports
    old = acme.child(name)
    psutil.Process(old.pid).kill()
    wait_until(lambda: is_up_again(acme, name, old.pid), f"{name} to come back", 60)
    assert acme.exports == before
    assert f"{name:<9} | was killed by signal 9; starting it again" in acme.output


def test_grandchildren_of_a_killed_child_end(acme: Project) -> None:
    sleepers = [process for process in acme.processes() if process.cmdline() == ["sleep", "1234"]]
    assert len(sleepers) == 1


def test_release_line_runs_once(acme: Project) -> None:
    assert (acme.root / "released").read_text() == "released\n"


def test_web_process_gets_the_port_of_the_url(acme: Project) -> None:
    with urllib.request.urlopen(acme.exports["VITRINE_URL"], timeout=5) as response:
        assert b"Procfile" in response.read()


def test_banner_names_docs_data_and_missing_key(acme: Project) -> None:
    assert f"API docs   {acme.exports['VITRINE_URL']}/docs" in acme.output
    assert f"Data       {acme.var}" in acme.output
    assert "Demo key   none: `python manage.py demokey` failed:" in acme.output


def test_run_joins_a_live_stack_and_leaves_it_up(acme: Project) -> None:
    before = acme.record
    stale = {"VITRINE_URL": "http://127.0.0.1:1", "PORT": "1"}
    command = ("sh", "-c", "echo $DATABASE_URL $VITRINE_URL $PORT; exit 5")
    result = acme.run(*command, options=("--processes",), **stale)
    expected = [before.environment[name] for name in ("DATABASE_URL", "VITRINE_URL", "PORT")]
    assert (result.returncode, result.stdout.split()) == (5, expected)
    assert f"using the stack that is up (pid {before.supervisor.pid})" in result.stderr
    assert acme.record == before


def test_up_refuses_a_second_supervisor(acme: Project) -> None:
    result = acme.run("true")
    assert result.returncode == 0
    second = Project(acme.root, acme.environment)
    (acme.root / "output").rename(acme.root / "first-output")
    second.up()
    assert second.supervisor is not None
    assert second.supervisor.wait(20) == 1
    assert "[stack_already_running]" in second.output
    (acme.root / "first-output").replace(acme.root / "output")


def test_supervisor_killed_leaves_no_process(acme: Project) -> None:
    assert len(acme.processes()) > 8
    acme.kill_supervisor()
    acme.expect_nothing_left()


def test_ctrl_c_leaves_no_process(globex: Project) -> None:
    assert len(globex.processes()) > 8
    assert globex.stop(signal.SIGINT) == 0
    globex.expect_nothing_left()
    assert not (globex.var / "postgres" / "data" / "postmaster.pid").exists()
