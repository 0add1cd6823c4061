"""What the three servers answer, to whom, and on which addresses."""

import json
import os
import socket
import stat
import time
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
import psutil
import psycopg
import pytest
import redis
from pymilvus import MilvusClient, MilvusException

from stack.milvus_calls import AccessDenied, check_access

from .conftest import Project


def connect(project: Project, variable: str = "DATABASE_URL") -> psycopg.Connection:
    config = dj_database_url.parse(project.exports[variable])
    return psycopg.connect(
        host=config["HOST"], user=config["USER"], password=config["PASSWORD"], dbname=config["NAME"]
    )


def listeners(pid: int) -> list[tuple[str, int]]:
    found = psutil.Process(pid).net_connections(kind="tcp")
    return [(entry.laddr.ip, entry.laddr.port) for entry in found if entry.status == psutil.CONN_LISTEN]


def outer_address() -> str:
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family == socket.AF_INET and not address.address.startswith("127."):
                return address.address
    pytest.skip("this machine has the loopback interface only")


@pytest.mark.parametrize(
    ("variable", "makes_databases"), [("DATABASE_URL", False), ("DATABASE_OWNER_URL", True)]
)
def test_postgres_answers_as_version_18_to_plain_roles(
    acme: Project, variable: str, *, makes_databases: bool
) -> None:
    with connect(acme, variable) as connection:
        version = connection.execute("SHOW server_version").fetchone()
        role = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert version is not None
    assert version[0].startswith("18")
    assert role == (False, False, makes_databases)


def test_processes_that_serve_cannot_become_the_owner(acme: Project) -> None:
    assert acme.exports["DATABASE_OWNER_URL"]
    assert psutil.Process(acme.child("web").pid).environ()["DATABASE_OWNER_URL"] == ""


def test_postgres_listens_on_no_tcp_port(acme: Project, globex: Project) -> None:
    for project in (acme, globex):
        server = psutil.Process(project.child("postgres").pid)
        family = [server.pid, *(process.pid for process in server.children(recursive=True))]
        assert len(family) > 4
        assert not [entry for entry in psutil.net_connections(kind="inet") if entry.pid in family]


def test_postgres_refuses_a_wrong_password(acme: Project) -> None:
    config = dj_database_url.parse(acme.exports["DATABASE_URL"])
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=config["HOST"], user=config["USER"], password="guess", dbname=config["NAME"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must give PostgreSQL another account")
def test_postgres_runs_unprivileged_under_root(acme: Project) -> None:
    assert 0 not in psutil.Process(acme.child("postgres").pid).uids()


def test_valkey_answers_and_keeps_an_append_only_file(acme: Project) -> None:
    with redis.Redis.from_url(acme.exports["REDIS_URL"]) as client:
        assert client.ping()
        assert client.config_get("appendonly") == {"appendonly": "yes"}


def test_valkey_refuses_without_password(acme: Project) -> None:
    port = urlsplit(acme.exports["REDIS_URL"]).port
    assert port is not None
    with redis.Redis(port=port) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_valkey_refuses_other_interfaces(acme: Project) -> None:
    port = urlsplit(acme.exports["REDIS_URL"]).port
    assert listeners(acme.child("valkey").pid) == [("127.0.0.1", port)]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((outer_address(), port), timeout=2)


def test_milvus_answers_with_the_token(acme: Project) -> None:
    client = MilvusClient(acme.exports["MILVUS_URI"], token=acme.exports["MILVUS_TOKEN"])
    assert client.get_server_version().startswith("2.3") or client.list_collections() == []
    client.close()


@pytest.mark.parametrize("token", ["", "root:Milvus", "root:guess"])
def test_milvus_refuses_other_tokens(acme: Project, token: str) -> None:
    with pytest.raises(MilvusException):
        MilvusClient(acme.exports["MILVUS_URI"], token=token, timeout=5).list_collections()


def test_milvus_refuses_the_published_password_on_the_wire(acme: Project) -> None:
    with pytest.raises(AccessDenied):
        check_access(acme.exports["MILVUS_URI"].removeprefix("http://"), "Milvus")


def test_milvus_listens_on_loopback_only(acme: Project, globex: Project) -> None:
    for project in (acme, globex):
        assert "Listens    this machine only" in project.output
        found = listeners(project.child("milvus").pid)
        assert len(found) == 11
        assert {host for host, _ in found} <= {"127.0.0.1", "::ffff:127.0.0.1"}
    for _, port in found:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((outer_address(), port), timeout=2)


def test_milvus_writes_into_its_own_directory_only(acme: Project) -> None:
    home = acme.var / "milvus"
    assert list(home.glob("runmilvus/*.pid"))
    opened = [Path(entry.path) for entry in psutil.Process(acme.child("milvus").pid).open_files()]
    assert len(opened) > 5
    assert not [path for path in opened if not path.is_relative_to(home)]


def test_two_stacks_share_no_port(acme: Project, globex: Project) -> None:
    ports = [json.loads((project.var / "stack" / "ports.json").read_text()) for project in (acme, globex)]
    assert not set(ports[0].values()) & set(ports[1].values())


def test_secrets_are_private_and_differ(acme: Project, globex: Project) -> None:
    for project in (acme, globex):
        files = [*(project.var / "stack").glob("*.json"), project.var / "valkey" / "valkey.conf"]
        private = [path for path in files if path.name != "ports.json"]
        assert len(private) == 3
        assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    assert acme.exports["SECRET_KEY"] != globex.exports["SECRET_KEY"]


def test_secrets_stand_on_no_command_line(acme: Project) -> None:
    secrets = json.loads((acme.var / "stack" / "secrets.json").read_text()).values()
    lines = [" ".join(process.cmdline()) for process in acme.processes()]
    assert len(lines) > 5
    assert not [line for line in lines if any(secret in line for secret in secrets)]


def give_stale_locks_to(pid: int, project: Project) -> None:
    """As after a reboot: the dead postmaster's pid belongs to another process of the same account."""
    home = project.var / "postgres"
    for lock in (home / "data" / "postmaster.pid", home / "socket" / ".s.PGSQL.5432.lock"):
        _, rest = lock.read_text().split("\n", 1)
        lock.write_text(f"{pid}\n{rest}")


def test_data_survives_a_kill_of_everything(acme: Project, globex: Project) -> None:
    with connect(globex, "DATABASE_OWNER_URL") as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('kept')")
    with redis.Redis.from_url(globex.exports["REDIS_URL"]) as client:
        client.set("word", "kept")
        time.sleep(1.1)  # appendfsync everysec
    store = MilvusClient(globex.exports["MILVUS_URI"], token=globex.exports["MILVUS_TOKEN"])
    store.create_collection("kept", dimension=4, metric_type="COSINE")
    store.insert("kept", [{"id": 7, "vector": [0.1, 0.2, 0.3, 0.4]}])
    store.close()

    victims = globex.processes()
    for process in victims:
        process.kill()
    globex.kill_supervisor()
    globex.expect_nothing_left()
    give_stale_locks_to(acme.child("postgres").pid, globex)
    (globex.root / "output").write_text("")
    globex.up()
    globex.wait_up()

    with connect(globex, "DATABASE_OWNER_URL") as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("kept",)]
    with redis.Redis.from_url(globex.exports["REDIS_URL"]) as client:
        assert client.get("word") == b"kept"
    store = MilvusClient(globex.exports["MILVUS_URI"], token=globex.exports["MILVUS_TOKEN"])
    rows = store.query("kept", filter="id == 7", output_fields=["id"], consistency_level="Strong")
    store.close()
    assert [row["id"] for row in rows] == [7]


def test_logs_are_kept_for_each_program(acme: Project) -> None:
    names = {path.name for path in Path(acme.var / "log").glob("*.log")}
    assert names == {f"{name}.log" for name in ("postgres", "valkey", "milvus", "release", "web", "parent")}
