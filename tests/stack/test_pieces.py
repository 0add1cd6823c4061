"""The parts of the supervisor that need no server."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stack.accounts import can_reach, place_data, unprivileged_account
from stack.child import Account, Child, Command
from stack.directory import VarDirectory
from stack.journal import MAX_FILE_BYTES, Journal
from stack.loopback import to_loopback
from stack.milvus_sessions import next_ttl
from stack.ports import Ports, is_free
from stack.procfile import shell_argv

FAMILY4 = socket.AF_INET.to_bytes(2, sys.byteorder)
FAMILY6 = socket.AF_INET6.to_bytes(2, sys.byteorder)
PORT = (8080).to_bytes(2, "big")
NOBODY = Account(65534, 65534)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (FAMILY4 + PORT + bytes(12), FAMILY4 + PORT + bytes([127, 0, 0, 1]) + bytes(8)),
        (FAMILY4 + PORT + bytes([10, 0, 0, 9]) + bytes(8), FAMILY4 + PORT + bytes([127, 0, 0, 1]) + bytes(8)),
        (
            FAMILY6 + PORT + bytes(4) + bytes(16) + bytes(4),
            FAMILY6 + PORT + bytes(4) + bytes(10) + b"\xff\xff\x7f\x00\x00\x01" + bytes(4),
        ),
    ],
)
def test_loopback_replaces_other_hosts(given: bytes, expected: bytes) -> None:
    assert to_loopback(given) == expected
    assert to_loopback(expected) == expected


@pytest.mark.parametrize(
    "address", [b"", b"\x01\x00/tmp/x", FAMILY4 + PORT, FAMILY6 + PORT + bytes(19) + b"\x01"]
)
def test_loopback_leaves_other_addresses_alone(address: bytes) -> None:
    assert to_loopback(address) == address


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
@pytest.mark.parametrize(("family", "host"), [("AF_INET", "0.0.0.0"), ("AF_INET6", "::")])
def test_loopback_child_binds_where_it_may(tmp_path: Path, family: str, host: str) -> None:
    code = f"import socket as s; x = s.socket(s.{family}); x.bind(({host!r}, 0)); print(x.getsockname()[0])"
    journal = Journal("binder", tmp_path, None)
    command = Command((sys.executable, "-c", code), tmp_path, dict(os.environ), loopback=True)
    child = Child("binder", command, journal)
    assert child.loopback_refusal is None
    assert child.wait(10) == 0
    child.close()
    assert journal.path.read_text().strip() in {"127.0.0.1", "::ffff:127.0.0.1"}
    journal.close()


def test_ports_are_kept_while_free_and_changed_when_taken(tmp_path: Path) -> None:
    port = Ports(tmp_path / "ports.json").take("web")
    assert Ports(tmp_path / "ports.json").take("web") == port
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
        assert Ports(tmp_path / "ports.json").take("web") != port


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    var = VarDirectory(tmp_path / "var")
    secrets = var.load_secrets()
    assert VarDirectory(tmp_path / "var").load_secrets() == secrets
    assert len(set(secrets.values())) == 5
    assert stat.S_IMODE((var.stack / "secrets.json").stat().st_mode) == 0o600


def test_lock_is_held_by_one_and_freed_with_its_process(tmp_path: Path) -> None:
    var = VarDirectory(tmp_path / "var")
    code = "from pathlib import Path; from stack.directory import VarDirectory; import sys\n"
    code += "print(VarDirectory(Path(sys.argv[1])).try_lock() is not None)"
    argv = [sys.executable, "-c", code, str(var.root)]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "platform")}
    assert subprocess.check_output(argv, text=True, env=env) == "True\n"
    held = var.try_lock()
    assert held is not None
    assert subprocess.check_output(argv, text=True, env=env) == "False\n"
    os.close(held)


def test_journal_rotates_a_large_file_and_keeps_the_tail(tmp_path: Path) -> None:
    journal = Journal("web", tmp_path, None)
    line = "x" * (1 << 20)
    for _ in range(MAX_FILE_BYTES // len(line) + 2):
        journal.write(line)
    journal.write("last")
    assert (tmp_path / "web.log.1").stat().st_size > MAX_FILE_BYTES
    assert journal.path.stat().st_size < MAX_FILE_BYTES
    assert journal.tail().endswith("    last")
    journal.close()


@pytest.mark.parametrize(
    ("line", "argv"),
    [
        ("sleep 3", "exec sleep 3"),
        ("A=1 sleep 3", "A=1 sleep 3"),
        ("sleep 1 && sleep 2", "sleep 1 && sleep 2"),
        ("python -c 'print(1)'", "python -c 'print(1)'"),
    ],
)
def test_procfile_line_becomes_the_program_itself_where_it_is_one(line: str, argv: str) -> None:
    assert shell_argv(line) == ("/bin/sh", "-c", argv)


def test_lease_time_differs_from_the_last_one() -> None:
    times = [next_ttl(None)]
    for _ in range(70):
        times.append(next_ttl(times[-1]))
        assert times[-1] != times[-2]
    assert (min(times), max(times)) == (30, 59)


def test_reach_ends_at_a_closed_directory(tmp_path: Path) -> None:
    inner = tmp_path / "closed" / "var"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o700)
    assert not can_reach(inner / "postgres", NOBODY)
    assert can_reach(Path("/etc/hosts"), NOBODY)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root places data elsewhere")
def test_data_out_of_reach_is_placed_elsewhere_and_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Path("/var/tmp") / f"vitrine-test-{os.getpid()}"
    monkeypatch.setattr("stack.accounts.HOMES", (home,))
    tmp_path.chmod(0o700)
    account = unprivileged_account()
    assert account is not None
    first = place_data(tmp_path / "postgres", account)
    assert first.is_relative_to(home)
    assert place_data(tmp_path / "postgres", account) == first
    (tmp_path / "postgres").unlink()
    second = place_data(tmp_path / "postgres", account)
    assert second != first
    assert not first.exists()
    for path in (second / "belongs-to",):
        path.unlink()
    second.rmdir()
    home.rmdir()
