"""Milvus standalone 2.3.5, from the wheel `milvus`: its binary with our own configuration.

What listens where, seen with `ss -ltnp`: nine of Milvus's eleven ports (proxy, internal proxy, root, data
and query coordinator, query, data and index node, metrics) are bound to every interface, and no setting
changes that: `ip` is only what a component announces to the others. The two etcd ports are on 127.0.0.1.
On Linux (x86_64, aarch64) `stack.loopback` moves all nine to 127.0.0.1 while they are bound. Where that is
not possible (another system, a sandbox without seccomp) they stay open, and only the proxy asks for a
password, so the supervisor warns at start: the embedded stack then belongs on a machine that others
cannot reach. Authorization is on in both cases, with a generated password in place of the well-known one;
the HTTP interface, which has no authorization, is off.
"""

import importlib.util
import json
import lzma
import mmap
import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from stack.child import Child, Command
from stack.directory import VarDirectory, write_private
from stack.errors import ServerFailed, WheelMissing
from stack.milvus_calls import AccessDenied, Unavailable, change_password, check_access, count_unserved
from stack.milvus_sessions import FIRST_TTL, next_ttl, revoke_other_leases

VERSION = "2.3.5"
DEFAULT_PASSWORD = "Milvus"  # noqa: S105 - the published one, replaced at the first start
COMPONENTS = ("rootCoord", "dataCoord", "dataNode", "queryCoord", "queryNode", "indexNode")
FIXED_DIRECTORIES = b"/run/milvus/tmp/milvus"
OWN_DIRECTORIES = b"./runmilvus./tmpmilvus"
PROBE_TIMEOUT = 2.0
CHUNK = 1 << 20
LOAD_PATIENCE = 60.0  # seconds; a collection that cannot be loaded must not keep the others away


def find_packed() -> Path:
    """The wheel's data directory: packed binaries and glog.conf. The package itself is not imported."""
    spec = importlib.util.find_spec("milvus")
    if spec is None or spec.origin is None:
        raise WheelMissing("MILVUS_URI is not set and milvus is not installed: pip install 'vitrine[local]'")
    return Path(spec.origin).parent / "data"


def unpack_file(packed: Path, directory: Path) -> None:
    """Unpack one binary."""
    target = directory / packed.stem
    with lzma.open(packed) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, CHUNK)
    if target.name == "milvus":
        localise_directories(target)
    target.chmod(0o755)


def localise_directories(binary: Path) -> None:
    """Turn Milvus's two fixed directories into relative ones, that is below var/milvus, where it runs.

    /run/milvus and /tmp/milvus belong to whoever ran a Milvus on this machine first; for any other account
    the server then ends with "Create runtime directory at /tmp/milvus failed". No setting changes them
    (MILVUS_RUN_DIR, which the wheel's own starter sets, does nothing). The two names stand together in the
    binary's string table and are replaced by names of the same length.
    """
    with binary.open("r+b") as file, mmap.mmap(file.fileno(), 0) as image:
        at = image.find(FIXED_DIRECTORIES)
        if at < 0 or image.find(FIXED_DIRECTORIES, at + 1) >= 0:
            raise ServerFailed(
                f"The wheel holds another Milvus than {VERSION}; install that, or set MILVUS_URI"
            )
        image[at : at + len(FIXED_DIRECTORIES)] = OWN_DIRECTORIES


def unpack_binaries(cache: Path) -> Path:
    """Milvus and its libraries (246 MB), unpacked once. The directory appears when it is whole."""
    target = cache / f"milvus-{VERSION}-localised"
    if not target.exists():
        cache.mkdir(exist_ok=True)
        half = Path(tempfile.mkdtemp(prefix=".milvus-", dir=cache))
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda packed: unpack_file(packed, half), (find_packed() / "bin").glob("*.lzma")))
        half.chmod(0o755)
        try:
            half.rename(target)
        except OSError:  # a cache may be shared by a link, and the other one was faster
            shutil.rmtree(half)
            if not target.exists():
                raise
    return target


class Milvus:
    """The vector database. Data in var/milvus."""

    name = "milvus"
    stop_signal = signal.SIGTERM
    # Its graceful stop waits for components that it has stopped already, and never ends. All that was
    # acknowledged is in its write-ahead log by then, so there is nothing to wait for.
    stop_grace = 1.0
    ready_timeout = 180.0

    def __init__(self, var: VarDirectory, password: str) -> None:
        self._var = var
        self._password = password
        self._ports: dict[str, int] = {}
        self._ttl = FIRST_TTL
        self._stale_sessions = True
        self._started = 0.0
        self.exposed: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What clients need, once prepared."""
        return {
            "MILVUS_URI": f"http://127.0.0.1:{self._ports['proxy']}",
            "MILVUS_TOKEN": f"root:{self._password}",
        }

    def prepare(self, *, fresh_ports: bool) -> Command:
        """Unpack at the first start; choose ports and write the configuration at each."""
        binaries = unpack_binaries(self._var.cache)
        home = self._var.root / "milvus"
        (home / "configs").mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        names = (*COMPONENTS, "proxy", "proxyInternal", "metrics", "etcd", "etcdPeer")
        self._ports = {name: self._var.ports.take(f"milvus.{name}", fresh=fresh_ports) for name in names}
        shutil.copy(find_packed() / "glog.conf", home / "configs" / "glog.conf")
        (home / "logs").mkdir(exist_ok=True)
        self._ttl = self._take_ttl(home)
        # JSON is YAML.
        write_private(home / "configs" / "milvus.yaml", json.dumps(self._settings(home), indent=1))
        write_private(home / "configs" / "etcd.yaml", json.dumps(self._etcd_settings(home), indent=1))
        return Command(
            (str(binaries / "milvus"), "run", "standalone"),
            home,
            self._variables(binaries),
            loopback=True,
        )

    @staticmethod
    def _take_ttl(home: Path) -> int:
        """The lease time of this start; see milvus_sessions."""
        path = home / "session-ttl"
        ttl = next_ttl(int(path.read_text()) if path.exists() else None)
        path.write_text(str(ttl))
        return ttl

    def _variables(self, binaries: Path) -> dict[str, str]:
        """A small environment: Milvus takes any variable that looks like one of its settings (PROXY_PORT)."""
        libraries = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
        return {
            "PATH": os.defpath,
            "LC_ALL": "C",
            "TZ": "UTC",
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self._ports["metrics"]),
            libraries: str(binaries),
        }

    def _settings(self, home: Path) -> dict[str, Any]:
        announced = {name: {"ip": "127.0.0.1", "port": self._ports[name]} for name in COMPONENTS}
        return announced | {
            "etcd": {
                "endpoints": f"127.0.0.1:{self._ports['etcd']}",
                "rootPath": "vitrine",
                "use": {"embed": True},
                "config": {"path": str(home / "configs" / "etcd.yaml")},
                "data": {"dir": str(home / "etcd")},
                "log": {"level": "warn", "path": "stdout"},
            },
            "metastore": {"type": "etcd"},
            "mq": {"type": "rocksmq"},
            "rocksmq": {"path": str(home / "rocksmq")},
            "localStorage": {"path": str(home / "storage")},
            "proxy": {
                "ip": "127.0.0.1",
                "port": self._ports["proxy"],
                "internalPort": self._ports["proxyInternal"],
                "http": {"enabled": False},
            },
            "log": {"level": "warn", "file": {"rootPath": ""}, "stdout": True},
            "common": {
                "storageType": "local",
                "gracefulStopTimeout": 1,
                "security": {"authorizationEnabled": True},
                "session": {"ttl": self._ttl},
            },
            # The limit of 64 collections holds even where quotas are off.
            "quotaAndLimits": {
                "enabled": False,
                "limits": {"maxCollectionNum": 65536, "maxCollectionNumPerDB": 65536},
            },
        }

    def _etcd_settings(self, home: Path) -> dict[str, Any]:
        """Without a file of its own the embedded etcd takes 2379 and 2380, whatever `endpoints` says."""
        client, peer = (f"http://127.0.0.1:{self._ports[name]}" for name in ("etcd", "etcdPeer"))
        return {
            "name": "vitrine",
            "data-dir": str(home / "etcd"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"vitrine={peer}",
            "log-level": "warn",
            "log-outputs": ["stderr"],
        }

    @property
    def _proxy(self) -> str:
        return f"127.0.0.1:{self._ports['proxy']}"

    def is_ready(self) -> bool:
        """Healthy by its own account, the proxy answers, and what was loaded before can be searched."""
        url = f"http://127.0.0.1:{self._ports['metrics']}/healthz"
        try:
            if self._stale_sessions:
                revoke_other_leases(f"127.0.0.1:{self._ports['etcd']}", self._ttl)
                self._stale_sessions = False
            with urllib.request.urlopen(url, timeout=PROBE_TIMEOUT) as response:
                if response.status != 200:  # noqa: PLR2004 - OK
                    return False
            check_access(self._proxy, self._password)
            patient = time.monotonic() < self._started + LOAD_PATIENCE
            return not (patient and count_unserved(self._proxy, self._password))
        except AccessDenied:
            return True
        except (OSError, urllib.error.URLError, Unavailable):
            return False

    def settle(self) -> None:
        """Replace the published password of `root` at the first start."""
        try:
            check_access(self._proxy, self._password)
        except AccessDenied:
            change_password(self._proxy, DEFAULT_PASSWORD, self._password)

    def note(self, child: Child) -> None:
        """A new process: learn whether it could be kept on loopback; the old one's sessions are stale."""
        self._stale_sessions = True
        self._started = time.monotonic()
        self.exposed = child.loopback_refusal
