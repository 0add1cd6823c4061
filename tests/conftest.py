"""The running service that tests talk to: the Procfile's own processes on the test database.

The servers are those of the environment (`make test` starts them). Tests that need rows seen by the processes
commit them, each under tenants of its own; that tenants cannot see each other is what the product promises.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from pymilvus import MilvusClient
from pytest_django import DjangoDbBlocker

from stack.procfile import process_environment, read_procfile, shell_argv
from tenants.domain.keys import issue_key
from tenants.domain.tenants import create_tenant
from tenants.models import Tenant
from tenants.models.api_key import Scope
from tenants.postgresql.roles import connected_as_owner

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class Service:
    """The running processes, and how to start and stop one of them."""

    url: str
    processes: dict[str, "subprocess.Popen[bytes]"]
    start: Callable[[str], None]

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """End one process by its id and wait for it."""
        self.processes[name].send_signal(how)
        self.processes[name].wait(30)

    def wait_ready(self) -> None:
        """Wait until everything that a request needs is there."""
        wait_until(lambda: self._status() == 200, "the service is ready", 90)

    def _status(self) -> int:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code
        except httpx.TransportError:
            return 0


@dataclass(frozen=True)
class Shop:
    """A tenant with a client that holds its key."""

    tenant: Tenant
    key: str
    http: httpx.Client


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the modules; a group stays in one process of `-n`, which has a database and a service of its own.

    Tests that play the worker themselves come first: no process has started its service yet.
    """
    fixtures: dict[str, set[str]] = {}
    for item in items:
        fixtures.setdefault(_module(item), set()).update(getattr(item, "fixturenames", ()))
    groups = {module: _group(module, names) for module, names in fixtures.items()}
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[_module(item)]))
    items.sort(key=lambda item: _FIRST.get(groups[_module(item)].partition(" ")[0], len(_FIRST)))


_FIRST = {"rows": 0, "service": 1}


def _module(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _group(module: str, fixtures: set[str]) -> str:
    folder = Path(module).parts[1]
    if "service" in fixtures:
        return f"service {folder}"
    return "rows" if "service_environment" in fixtures else folder


def wait_until(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Poll until it is so; a test that waits in vain says for what."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:.0f} s in vain until {what}")
        time.sleep(0.1)


def use_test_milvus_prefix() -> str:
    """A prefix for the collections of this run, so that nothing else on the server is touched."""
    prefix = f"test{uuid.uuid4().hex[:8]}_"
    settings.MILVUS_PREFIX = prefix
    return prefix


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The test database, always: pytest-django makes it only for tests that roll back their rows.

    Its owner makes and migrates it; the tests connect as the role that serves.
    """
    with django_db_blocker.unblock(), connected_as_owner():
        databases = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
    yield
    with django_db_blocker.unblock(), connected_as_owner():
        teardown_databases(databases, verbosity=0)


def use_own_valkey_database() -> str:
    """The address of a numbered database that no other process of this run uses."""
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    url = urlsplit(str(settings.REDIS_URL))._replace(path=f"/{number}").geturl()
    settings.REDIS_URL = settings.CELERY_BROKER_URL = settings.CACHES["default"]["LOCATION"] = url
    # One that a test has used before has another address.
    caches["default"].close()
    del caches["default"]
    return url


def drop_collections(prefix: str) -> None:
    """Leave no collection of this run on the server."""
    client = MilvusClient(uri=settings.MILVUS_URI, token=settings.MILVUS_TOKEN)
    for name in client.list_collections():
        if name.startswith(prefix):
            for alias in client.list_aliases(name)["aliases"]:
                client.drop_alias(alias)
            client.drop_collection(name)


@pytest.fixture(scope="session")
def service_environment(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the processes are started with: the test database, and files and collections of their own."""
    media = tmp_path_factory.mktemp("media")
    settings.MEDIA_ROOT = media
    address = urlsplit(os.environ["DATABASE_URL"])
    database = urlunsplit(address._replace(path=f"/{connection.settings_dict['NAME']}"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        "DATABASE_URL": database,
        "DATABASE_OWNER_URL": "",
        "MEDIA_ROOT": str(media),
        "MILVUS_PREFIX": use_test_milvus_prefix(),
        "PORT": str(port),
        "REDIS_URL": use_own_valkey_database(),
        "VITRINE_VAR": str(tmp_path_factory.mktemp("var")),
        "VITRINE_MODELS": str(settings.MODELS_DIR),
        # Shops' servers are on loopback here.
        "WEBHOOK_HTTP": "1",
        "WEBHOOK_PRIVATE_ADDRESSES": "1",
    }


@pytest.fixture(scope="session")
def service(
    service_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The whole service, started once for the session."""
    lines = read_procfile(ROOT / "Procfile").processes
    environment = process_environment(service_environment, ROOT)
    logs = tmp_path_factory.mktemp("logs")
    processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(name: str) -> None:
        with (logs / f"{name}.log").open("ab") as log:
            processes[name] = subprocess.Popen(
                shell_argv(lines[name]), cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    running = Service(f"http://127.0.0.1:{service_environment['PORT']}", processes, start)
    try:
        for name in lines:
            start(name)
        running.wait_ready()
        yield running
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(30)
        drop_collections(service_environment["MILVUS_PREFIX"])
        for log_file in sorted(logs.iterdir()):
            sys.stdout.write(f"--- {log_file.name}\n{log_file.read_text()[-3000:]}\n")


@pytest.fixture
def committed(service: Service, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Database access whose rows the running processes see."""
    with django_db_blocker.unblock():
        yield


def open_shop(service: Service, name: str, scopes: list[Scope] | None = None) -> Shop:
    """A new tenant of this name with a key of these scopes (all when none are named)."""
    tenant = create_tenant(slug=f"{name}-{uuid.uuid4().hex[:8]}", name=name)
    key = issue_key(tenant=tenant, name="test", scopes=scopes or list(Scope)).plaintext
    client = httpx.Client(
        base_url=service.url, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
    )
    return Shop(tenant=tenant, key=key, http=client)


@pytest.fixture
def acme(service: Service, committed: None) -> Iterator[Shop]:
    """Acme, a shop."""
    shop = open_shop(service, "acme")
    with shop.http:
        yield shop


@pytest.fixture
def globex(service: Service, committed: None) -> Iterator[Shop]:
    """Globex, another shop, which must never see Acme's rows."""
    shop = open_shop(service, "globex")
    with shop.http:
        yield shop


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The photos that are no part of the project; tests of them are skipped where they are not."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the photos in {SHARED_DATA.name}/ beside the checkout, which are not here")
    return SHARED_DATA
