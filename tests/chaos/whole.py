"""The service as a whole, of its own: every server and process, started from the checkout, to be killed."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import redis
from psycopg.rows import dict_row
from pymilvus import MilvusClient, MilvusException

from stack.directory import Record, VarDirectory
from tests.stack.conftest import bare_environment

ROOT = Path(__file__).parents[2]
_START_S = 240
_BACK_S = 120
_MILVUS_DATA = ("etcd", "rocksmq", "rocksmq_meta_kv", "storage")
_REFUSED = (500, 502, 503)
# Shops whose counters say something else than their rows.
_MISCOUNTED = """
WITH photos AS (
    SELECT tenant_id, size FROM tenants_referenceimage UNION ALL SELECT tenant_id, size FROM tenants_exemplar
)
SELECT t.slug, u.galleries, u.products, u.images, u.bytes FROM tenants_tenant t
  LEFT JOIN tenants_usage u ON u.tenant_id = t.id
 WHERE (coalesce(u.galleries, 0), coalesce(u.products, 0), coalesce(u.images, 0), coalesce(u.bytes, 0)) <> (
    (SELECT count(*) FROM tenants_gallery WHERE tenant_id = t.id),
    (SELECT count(*) FROM tenants_product WHERE tenant_id = t.id),
    (SELECT count(*) FROM photos WHERE tenant_id = t.id),
    (SELECT coalesce(sum(size), 0) FROM photos WHERE tenant_id = t.id))
"""


@dataclass(frozen=True)
class Whole:
    """A running stack. `kill` takes a name of the Procfile, a server's, or `web-child`."""

    var: Path
    supervisor: "subprocess.Popen[bytes]"

    @property
    def record(self) -> Record:
        """What runs now."""
        record = VarDirectory(self.var).read_record()
        if record is None:
            raise AssertionError("the stack has no record of itself")
        return record

    @property
    def environment(self) -> dict[str, str]:
        """The variables of what runs on the stack."""
        return dict(self.record.environment)

    @property
    def media(self) -> Path:
        """Where the files lie."""
        return self.var / "media"

    def is_ready(self) -> bool:
        """Whether everything that a request needs is there."""
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.environment['VITRINE_URL']}/readyz", timeout=10).status_code == 200
        return False

    def wait_ready(self, seconds: float = _BACK_S) -> None:
        wait_until(self.is_ready, "the service is ready", seconds)

    def kill(self, name: str) -> None:
        """kill -9, as a machine does that runs out of memory."""
        parent = name.removesuffix("-child")
        (mark,) = [mark for mark in self.record.children if mark.name == parent]
        process = psutil.Process(mark.pid)
        if name != parent:
            (process, *_) = process.children()
        process.kill()

    def lose_milvus_data(self) -> None:
        """As when its volume is gone: killed, and its data deleted before it is started again."""
        (mark,) = [mark for mark in self.record.children if mark.name == "milvus"]
        process = psutil.Process(mark.pid)
        process.suspend()
        for part in _MILVUS_DATA:
            # What was never flushed has no folder yet.
            shutil.rmtree(self.var / "milvus" / part, ignore_errors=True)
        process.kill()
        self.wait_ready()

    def empty_broker(self) -> None:
        """Every message is lost, and all that was known about them."""
        with redis.Redis.from_url(self.environment["REDIS_URL"]) as client:
            client.flushall()

    def ask(self, query: str, *params: object) -> list[dict[str, Any]]:
        """Rows that PostgreSQL answers."""
        every = "-c vitrine.tenant=all"
        url = self.environment["DATABASE_URL"]
        with psycopg.connect(url, row_factory=dict_row, options=every) as connection:
            return connection.execute(query, params).fetchall()

    def manage(self, *words: str) -> str:
        """What a command of manage.py prints."""
        environment = bare_environment(**self.environment)
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def list_vectors(self, gallery: str) -> list[int]:
        """Keys of all rows in the gallery's collections."""
        environment = self.environment
        client = MilvusClient(uri=environment["MILVUS_URI"], token=environment.get("MILVUS_TOKEN", ""))
        wanted = f"_g{gallery.replace('-', '')}_"
        names = [name for name in client.list_collections() if wanted in name]
        rows = [
            row
            for name in names
            for row in client.query(name, filter="id >= 0", output_fields=["id"], consistency_level="Strong")
        ]
        client.close()
        return sorted(int(row["id"]) for row in rows)

    def list_files(self) -> set[str]:
        """Every stored file, by the name that the rows have for it."""
        return {str(path.relative_to(self.media)) for path in self.media.rglob("*") if path.is_file()}


class Patient:
    """A client that asks again while the service is being killed."""

    def __init__(self, whole: Whole) -> None:
        environment = whole.environment
        self._http = httpx.Client(
            base_url=environment["VITRINE_URL"],
            headers={"Authorization": f"Bearer {whole.manage('demokey')}"},
            timeout=60,
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def send(self, method: str, path: str, **content: Any) -> Any:
        """The answer's JSON; the same request again while nobody is there to answer it."""
        deadline = time.monotonic() + _BACK_S
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = self._http.request(method, path, **content)
                if answer.status_code not in _REFUSED:
                    assert answer.is_success, answer.text
                    return answer.json()
            assert time.monotonic() < deadline, f"{method} {path} was not answered for {_BACK_S} s"
            time.sleep(0.5)


@contextlib.contextmanager
def run_whole(var: Path) -> Iterator[Whole]:
    """Servers and processes in a var directory of their own."""
    command = [
        sys.executable,
        "-m",
        "stack",
        "run",
        "--var",
        str(var),
        "--processes",
        "--",
        "sleep",
        "infinity",
    ]
    models = os.environ["VITRINE_MODELS"]
    environment = bare_environment(VITRINE_MODELS=models, VITRINE_VAR=str(var), RECONCILE_EVERY_S="15")
    var.mkdir(parents=True, exist_ok=True)
    with (var / "stack.log").open("wb") as log:
        supervisor = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        whole = Whole(var, supervisor)
        try:
            wait_until((var / "stack" / "record.json").exists, "the stack says what it runs", 60)
            wait_until(lambda: whole.record.ready, "the stack is up", _START_S)
            whole.wait_ready()
            yield whole
        finally:
            supervisor.terminate()
            supervisor.wait(90)


def wait_until(true: Callable[[], bool], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain until {what}"
        time.sleep(0.5)


def list_wrong(whole: Whole, gallery: str, job: str) -> Sequence[str]:
    """What is not as it must be once everything has come to rest; nothing, then all is well."""
    try:
        vectors = whole.list_vectors(gallery)
    except MilvusException as error:
        return [f"the index cannot be asked: {error.message}"]
    items = whole.ask("SELECT state, count(*) AS n FROM jobs_jobitem WHERE job_id = %s GROUP BY 1", job)
    states = {row["state"]: row["n"] for row in items}
    photos = whole.ask(
        "SELECT id, file, state, product_id, sha256, deleted_at FROM tenants_referenceimage"
        " WHERE gallery_id = %s",
        gallery,
    )
    regions = whole.ask(
        "SELECT r.id FROM tenants_region r JOIN tenants_referenceimage i ON i.id = r.image_id"
        " WHERE i.gallery_id = %s",
        gallery,
    )
    (unfinished,) = whole.ask("SELECT count(*) AS n FROM jobs_job WHERE state IN ('pending', 'running')")
    chunks = whole.ask("SELECT file FROM tenants_uploadchunk")
    miscounted = whole.ask(_MISCOUNTED)
    stored = {row["file"] for row in (*photos, *chunks)}
    files = whole.list_files()
    ends = Counter("deleted" if row["deleted_at"] else row["state"] for row in photos)
    same = len(photos) - len({(row["product_id"], row["sha256"]) for row in photos})
    return [
        text
        for text, wrong in {
            f"jobs that have not ended: {unfinished['n']}": unfinished["n"],
            f"rows that have not ended: {states}": set(states) - {"indexed", "duplicate", "failed"},
            f"{ends['pending']} photos waiting, {ends['deleted']} to be purged": ends["pending"]
            or ends["deleted"],
            f"{ends['indexed']} photos, {states.get('indexed', 0)} rows indexed": ends["indexed"]
            != states.get("indexed", 0),
            f"{ends['failed']} photos, {states.get('failed', 0)} rows failed": ends["failed"]
            > states.get("failed", 0),
            f"{same} photos twice": same,
            f"counters that are not the counts: {miscounted}": miscounted,
            f"{len(regions)} regions, {len(vectors)} vectors": sorted(row["id"] for row in regions)
            != vectors,
            f"{len(files - stored)} orphan files": files - stored,
            f"{len(stored - files)} lost files": stored - files,
        }.items()
        if wrong
    ]
