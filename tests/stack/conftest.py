"""Real stacks in temporary var directories, started once for the whole session."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from stack.directory import ProcessMark, Record, VarDirectory

ROOT = Path(__file__).parents[2]
START_TIMEOUT = 120.0
SERVER_VARIABLES = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "MILVUS_URI",
    "MILVUS_TOKEN",
    "PORT",
    "VITRINE_URL",
    "VITRINE_VAR",
    "SECRET_KEY",
)
PROCFILE = """\
release: echo released >> released
web: python -m http.server $PORT --bind 127.0.0.1
parent: python -c "import subprocess, time; subprocess.Popen(['sleep', '1234']); time.sleep(999)"
"""


def bare_environment(**more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in SERVER_VARIABLES}
    sources = os.pathsep.join((str(ROOT), str(ROOT / "platform")))
    return inherited | {"PYTHONPATH": sources, "PYTHONWARNINGS": "default"} | more


def wait_until(condition: Callable[[], object], what: str, timeout: float = START_TIMEOUT) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s in vain: {what}"
        time.sleep(0.1)


@dataclass
class Project:
    """A directory as a checkout would be: Procfile, var, and all that `python -m stack` starts in it."""

    root: Path
    environment: dict[str, str] = field(default_factory=bare_environment)
    supervisor: subprocess.Popen[str] | None = None

    @property
    def var(self) -> Path:
        return self.root / "var"

    @property
    def record(self) -> Record:
        record = VarDirectory(self.var).read_record()
        assert record is not None
        return record

    @property
    def exports(self) -> dict[str, str]:
        return dict(self.record.environment)

    @property
    def output(self) -> str:
        return (self.root / "output").read_text()

    def up(self) -> None:
        with (self.root / "output").open("a") as output:
            self.supervisor = subprocess.Popen(
                [sys.executable, "-m", "stack", "up"],
                cwd=self.root,
                env=self.environment,
                text=True,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_up(self) -> None:
        assert self.supervisor is not None
        process = self.supervisor
        wait_until(lambda: "Stop " in self.output or process.poll() is not None, "the stack to come up")
        assert process.poll() is None, self.output

    def run(
        self, *command: str, options: tuple[str, ...] = (), **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stack", "run", *options, "--", *command],
            cwd=self.root,
            env=self.environment | env,
            text=True,
            capture_output=True,
            timeout=START_TIMEOUT,
            check=False,
        )

    def child(self, name: str) -> ProcessMark:
        return next(mark for mark in self.record.children if mark.name == name)

    def processes(self) -> list[psutil.Process]:
        """Whatever runs below this directory, except the tests themselves."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(self.root):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
                continue
        return found

    def kill_supervisor(self) -> None:
        assert self.supervisor is not None
        self.supervisor.kill()
        self.supervisor.wait()

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        assert self.supervisor is not None
        self.supervisor.send_signal(sign)
        return self.supervisor.wait(60)

    def expect_nothing_left(self) -> None:
        wait_until(lambda: not self.processes(), f"the end of {self.processes()}", 10)


def make_project(root: Path, procfile: str = PROCFILE, cache: Path | None = None) -> Project:
    root.mkdir(parents=True)
    (root / "Procfile").write_text(procfile)
    if cache:
        (root / "var").mkdir()
        (root / "var" / "cache").symlink_to(cache)
    return Project(root)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Milvus is unpacked once, not once a stack."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def projects(cache: Path) -> Iterator[tuple[Project, Project]]:
    """Two stacks at once, started side by side; a blank and a letter beyond ASCII in the path of one."""
    # Not below pytest's own directory: that is closed to others (0700), and would send PostgreSQL's data to
    # /var/lib when root runs this.
    base = Path(tempfile.mkdtemp(prefix="vitrine-test-"))
    base.chmod(0o755)
    pair = (make_project(base / "acme", cache=cache), make_project(base / "globex é", cache=cache))
    try:
        for project in pair:
            project.up()
        for project in pair:
            project.wait_up()
        yield pair
    finally:
        for project in pair:
            if project.supervisor and project.supervisor.poll() is None:
                project.stop()
        shutil.rmtree(base)


@pytest.fixture(scope="session")
def acme(projects: tuple[Project, Project]) -> Project:
    return projects[0]


@pytest.fixture(scope="session")
def globex(projects: tuple[Project, Project]) -> Project:
    return projects[1]


@pytest.fixture
def serverless(tmp_path: Path) -> Project:
    """A project whose three servers are given, so that a supervisor has only processes to run."""
    project = make_project(tmp_path / "project", "steady: sleep 1234\n")
    project.environment |= {
        "DATABASE_URL": "postgres://db.invalid/vitrine",
        "REDIS_URL": "redis://broker.invalid/0",
        "MILVUS_URI": "http://milvus.invalid:19530",
    }
    return project
