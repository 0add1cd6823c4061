"""`python -m stack run` with the three servers given: it starts none, and runs its command."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from stack.directory import ProcessMark, Record, VarDirectory

from .conftest import Project, wait_until

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def test_given_urls_start_nothing_and_pass_through(serverless: Project) -> None:
    result = serverless.run("python", "-c", SHOW)
    shown = json.loads(result.stdout)
    assert {name: shown[name] for name in ("DATABASE_URL", "REDIS_URL", "MILVUS_URI")} == {
        name: serverless.environment[name] for name in ("DATABASE_URL", "REDIS_URL", "MILVUS_URI")
    }
    assert {path.name for path in serverless.var.iterdir()} == {"stack", "log"}
    assert shown["VITRINE_URL"] == f"http://127.0.0.1:{shown['PORT']}"
    assert shown["VITRINE_VAR"] == str(serverless.var)
    assert not {"MILVUS_TOKEN", "DATABASE_OWNER_URL"} & shown.keys()
    owner = "postgres://owner@db.invalid/vitrine"
    shown = json.loads(serverless.run("python", "-c", SHOW, DATABASE_OWNER_URL=owner).stdout)
    assert shown["DATABASE_OWNER_URL"] == owner


def test_stale_url_in_the_environment_is_not_believed(serverless: Project) -> None:
    shown = json.loads(serverless.run("python", "-c", SHOW, VITRINE_URL="http://127.0.0.1:1").stdout)
    assert shown["VITRINE_URL"] == f"http://127.0.0.1:{shown['PORT']}"


def test_secret_key_is_kept_and_given_one_wins(serverless: Project) -> None:
    command = ("sh", "-c", "echo $SECRET_KEY")
    first, second = (serverless.run(*command).stdout for _ in range(2))
    assert first == second
    assert len(first.strip()) > 40
    assert serverless.run(*command, SECRET_KEY="given").stdout == "given\n"


@pytest.mark.parametrize(
    ("command", "status"), [(["true"], 0), (["sh", "-c", "exit 7"], 7), (["no-such"], 127)]
)
def test_run_passes_the_status_of_its_command(serverless: Project, command: list[str], status: int) -> None:
    assert serverless.run(*command).returncode == status


def test_run_reports_a_command_killed_by_a_signal(serverless: Project) -> None:
    assert serverless.run("sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_run_ended_by_a_signal_leaves_no_process(serverless: Project, sign: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "stack", "run", "--processes", "--", "sleep", "4321"],
        cwd=serverless.root,
        env=serverless.environment,
        stderr=subprocess.DEVNULL,
    )
    wait_until(
        lambda: ["sleep", "4321"] in [found.cmdline() for found in serverless.processes()], "sleep", 20
    )
    assert ["sleep", "1234"] in [found.cmdline() for found in serverless.processes()]
    process.send_signal(sign)
    assert process.wait(30) == (-sign if sign == signal.SIGKILL else 128 + sign)
    serverless.expect_nothing_left()


def test_failing_release_line_stops_the_start(serverless: Project) -> None:
    (serverless.root / "Procfile").write_text("release: sh -c 'echo no table; exit 3'\nsteady: sleep 1234\n")
    result = serverless.run("true", options=("--processes",))
    assert result.returncode == 1
    assert "[stack_release_failed]" in result.stderr
    assert "no table" in result.stderr
    serverless.expect_nothing_left()


def test_process_that_keeps_dying_is_reported_with_its_last_lines(serverless: Project) -> None:
    (serverless.root / "Procfile").write_text(
        "brittle: sh -c 'sleep 0.3; echo cannot find my file; exit 9'\n"
    )
    result = serverless.run("sleep", "8", options=("--processes",))
    assert result.returncode == 0
    assert "brittle: ended with status 9; starting it again in 0.5 s" in result.stderr
    assert "It has died 4 times in a row" in result.stderr
    assert "    cannot find my file" in result.stderr


def test_web_that_does_not_start_fails_the_start(serverless: Project) -> None:
    (serverless.root / "Procfile").write_text("web: sh -c 'echo broken import; exit 1'\n")
    result = serverless.run("true", options=("--processes",))
    assert result.returncode == 1
    assert "[stack_server_failed]" in result.stderr
    assert "broken import" in result.stderr


@pytest.mark.parametrize("procfile", [None, "no colon here\n", "a: true\na: true\n"])
def test_unusable_procfile_is_refused(serverless: Project, procfile: str | None) -> None:
    (serverless.root / "Procfile").unlink()
    if procfile:
        (serverless.root / "Procfile").write_text(procfile)
    result = serverless.run("true", options=("--processes",))
    assert result.returncode == 1
    assert "[stack_procfile_invalid]" in result.stderr


def test_join_refused_where_the_live_stack_lacks_processes(serverless: Project) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "stack", "run", "--", "sleep", "4321"],
        cwd=serverless.root,
        env=serverless.environment,
    )
    wait_until(
        lambda: ["sleep", "4321"] in [found.cmdline() for found in serverless.processes()], "sleep", 20
    )
    assert "[stack_join_refused]" in serverless.run("true", options=("--processes",)).stderr
    without = {name: value for name, value in serverless.environment.items() if name != "DATABASE_URL"}
    refused = Project(serverless.root, without).run("true")
    assert "was started with DATABASE_URL given" in refused.stderr
    process.terminate()
    process.wait(30)
    serverless.expect_nothing_left()


def test_leftover_of_an_earlier_supervisor_is_ended_first(serverless: Project) -> None:
    leftover = subprocess.Popen(["sleep", "9999"], cwd=serverless.root, start_new_session=True)
    stranger = subprocess.Popen(["sleep", "8888"], cwd=serverless.root, start_new_session=True)
    threading.Thread(target=leftover.wait, daemon=True).start()  # or it stays as a zombie of ours
    mark = ProcessMark.of("recognize", leftover.pid)
    assert mark is not None
    # The pid of the second belongs to another process by now, as its start time shows.
    reused = ProcessMark("bulk", stranger.pid, psutil.Process(stranger.pid).create_time() - 60)
    dead = ProcessMark("supervisor", os.getpid(), time.time() - 10**6)
    VarDirectory(serverless.var).write_record(Record(supervisor=dead, ready=True, children=(mark, reused)))
    try:
        result = serverless.run("true")
        assert result.returncode == 0
        assert f"ended recognize (pid {leftover.pid})" in result.stderr
        assert leftover.wait(5) == -signal.SIGTERM
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        leftover.kill()
        leftover.wait()
