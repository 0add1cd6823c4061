"""The deployment of docker-compose.yml, its commands and environment, on the servers of the test session."""

import os
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import psycopg
import pytest
import redis
from botocore.client import BaseClient
from psycopg import sql
from pymilvus import MilvusClient

from tests.deploy.compose import ROOT, Service, read_image_environment, read_services
from tests.deploy.image import copy_image_tree
from tests.deploy.processes import Running, find_free_port

_NEEDED = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "MILVUS_URI", "MILVUS_TOKEN")
_FOR_THE_OWNER = "DATABASE_OWNER_URL"
_REDIS_DATABASE = 9
_NAME = f"deploy_{os.getpid()}"
BUCKET = "vitrine-media"


@pytest.fixture(scope="session")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the operations guide's own commands write into `.env`."""
    folder = tmp_path_factory.mktemp("env")
    guide = (ROOT / "docs" / "operations.md").read_text()
    blocks = [part.partition("\n```")[0] for part in guide.split("```sh\n")[1:]]
    (make_env,) = [block for block in blocks if "> .env" in block]
    subprocess.run(["sh", "-euc", make_env], cwd=folder, check=True)
    assert (folder / ".env").stat().st_mode & 0o077 == 0
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture(scope="session")
def services(variables: dict[str, str]) -> dict[str, Service]:
    return read_services(variables)


@pytest.fixture(scope="session")
def local_servers() -> dict[str, str]:
    missing = [name for name in _NEEDED if not os.environ.get(name)]
    if missing:
        pytest.skip(f"needs the local stack ({', '.join(missing)} not set): run `make test`")
    return {name: os.environ[name] for name in _NEEDED}


@pytest.fixture(scope="session")
def database_urls(local_servers: dict[str, str]) -> Iterator[dict[str, str]]:
    """A database of our own, gone at the end: as the role that serves, and as its owner."""
    names = ("DATABASE_URL", _FOR_THE_OWNER)
    database = sql.Identifier(_NAME)
    with psycopg.connect(local_servers[_FOR_THE_OWNER], autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
        yield {name: urlsplit(local_servers[name])._replace(path=f"/{_NAME}").geturl() for name in names}
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


@pytest.fixture(scope="session")
def redis_url(local_servers: dict[str, str]) -> Iterator[str]:
    """A numbered database of our own, empty before and after."""
    url = urlsplit(local_servers["REDIS_URL"])._replace(path=f"/{_REDIS_DATABASE}").geturl()
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture(scope="session")
def milvus_prefix(local_servers: dict[str, str]) -> Iterator[str]:
    """A prefix of collection names; what carries it is dropped at the end."""
    prefix = f"{_NAME}_"
    yield prefix
    client = MilvusClient(uri=local_servers["MILVUS_URI"], token=local_servers["MILVUS_TOKEN"])
    for name in client.list_collections():
        if name.startswith(prefix):
            for alias in client.list_aliases(name)["aliases"]:
                client.drop_alias(alias)
            client.drop_collection(name)
    client.close()


@pytest.fixture(scope="session")
def media_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An S3 server of our own, in place of the compose file's `minio`."""
    port = find_free_port()
    url = f"http://127.0.0.1:{port}"
    argv = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    folder = tmp_path_factory.mktemp("s3")
    server = Running(argv, env=_base_environment(), cwd=folder, log=folder / "log", name="S3 server")
    server.wait_answer(f"{url}/moto-api/data.json", status=200)
    yield url
    server.stop()


@pytest.fixture(scope="session")
def bucket(media_url: str, services: dict[str, Service]) -> Iterator[BaseClient]:
    """A client of the media bucket, which the compose file's `buckets` makes there."""
    environment = services["web"].environment
    client = boto3.client(
        "s3",
        endpoint_url=media_url,
        aws_access_key_id=environment["MEDIA_ACCESS_KEY"],
        aws_secret_access_key=environment["MEDIA_SECRET_KEY"],
        region_name=environment["MEDIA_REGION"],
    )
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()


@pytest.fixture(scope="session")
def image_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_image_tree(tmp_path_factory.mktemp("image") / "app")


class Deployment:
    """Starts services of docker-compose.yml: their own argv and environment, other addresses."""

    def __init__(
        self, services: Mapping[str, Service], addresses: Mapping[str, str], tree: Path, var: Path
    ) -> None:
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._services = services
        self._addresses = {**addresses, "VITRINE_VAR": str(var)}
        self._tree = tree
        self._var = var

    def environment(self, name: str) -> dict[str, str]:
        """What the service's process gets in the container, with the addresses of this machine."""
        image = {
            key: ":".join(part.replace("/app", str(self._tree), 1) for part in value.split(":"))
            for key, value in read_image_environment().items()
        }
        given = dict(self._services[name].environment)
        addresses = {
            key: url for key, url in self._addresses.items() if key in given or key != _FOR_THE_OWNER
        }
        return image | given | addresses | _base_environment()

    def argv(self, name: str) -> list[str]:
        """The service's command; the web server binds a free port of loopback instead."""
        bound = f"127.0.0.1:{self.port}"
        return [bound if word == "0.0.0.0:8000" else word for word in self._services[name].argv]

    def start(self, name: str) -> Running:
        """Start the service."""
        log = self._var / f"{name}.log"
        return Running(self.argv(name), env=self.environment(name), cwd=self._tree, log=log, name=name)

    def move(self, **addresses: str) -> "Deployment":
        """The same deployment with other addresses, its web server on a port of its own."""
        moved = Path(tempfile.mkdtemp(dir=self._var))
        return Deployment(self._services, self._addresses | addresses, self._tree, moved)

    def run(self, name: str, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as `docker compose exec` would in the service's container."""
        return subprocess.run(
            ["sh", "-c", command],
            env=self.environment(name),
            cwd=self._tree,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def probe_health(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run the service's health check."""
        kind, command = self._services[name].settings["healthcheck"]["test"]
        assert kind == "CMD-SHELL"
        return self.run(name, command)


@pytest.fixture(scope="session")
def addresses(
    local_servers: dict[str, str],
    database_urls: dict[str, str],
    redis_url: str,
    milvus_prefix: str,
    media_url: str,
) -> dict[str, str]:
    """The variables that take other values here than in the compose file."""
    return local_servers | {
        **database_urls,
        "REDIS_URL": redis_url,
        "MILVUS_PREFIX": milvus_prefix,
        "MEDIA_ENDPOINT_URL": media_url,
        "VITRINE_MODELS": os.environ.get("VITRINE_MODELS", str(ROOT / "var" / "models")),
    }


@pytest.fixture(scope="session")
def deployment(
    services: dict[str, Service],
    addresses: dict[str, str],
    bucket: BaseClient,
    image_tree: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Deployment:
    return Deployment(services, addresses, image_tree, tmp_path_factory.mktemp("var"))


@pytest.fixture(scope="session")
def migrated(deployment: Deployment) -> Deployment:
    """The deployment after its `migrate` service has run."""
    migrate = deployment.start("migrate")
    assert migrate.wait_end() == 0, migrate.log
    return deployment


@pytest.fixture(scope="session")
def running(migrated: Deployment) -> Iterator[dict[str, Running]]:
    """web, recognize, bulk, webhooks and beat, up together."""
    started: dict[str, Running] = {}
    try:
        for name in ("web", "recognize", "bulk", "webhooks", "beat"):
            started[name] = migrated.start(name)
        yield started
    finally:
        for process in started.values():
            process.ask_to_stop()
        statuses = {name: process.stop() for name, process in started.items()}
    assert statuses == dict.fromkeys(statuses, 0), {name: started[name].log[-2000:] for name in statuses}


def _base_environment() -> dict[str, str]:
    """What a container sets by itself. Nothing of this session's environment gets in beside it."""
    path = os.pathsep.join((str(Path(sys.executable).parent), "/usr/bin", "/bin"))
    return {"PATH": path, "HOME": "/nonexistent", "HOSTNAME": socket.gethostname()}


def quote_python(code: str) -> str:
    """A shell command that runs the code."""
    return f"python -c {shlex.quote(code)}"
