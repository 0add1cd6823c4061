"""Starts the servers and processes of one var directory, and stops them in order."""

import os
import shutil
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from stack.child import Child, Program, end_leftover
from stack.directory import ProcessMark, Record, VarDirectory
from stack.errors import ReleaseFailed
from stack.joining import CREDENTIALS
from stack.journal import Journal, Terminal
from stack.keeper import Guard, Keeper, describe_status
from stack.milvus import Milvus
from stack.postgres import Postgres
from stack.procfile import RELEASE, Process, Procfile, process_environment
from stack.valkey import Valkey

SERVERS = {"DATABASE_URL": "postgres", "REDIS_URL": "valkey", "MILVUS_URI": "milvus"}
STOP_ORDER = ("milvus", "valkey", "postgres")
LEFTOVER_GRACE = 10.0


class Server(Program, Protocol):
    """A program that others talk to."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that say how to reach it."""


@dataclass(frozen=True)
class Options:
    """What one supervisor is to do. `echo`: show the children's lines; None keeps the terminal quiet."""

    root: Path
    given: Mapping[str, str]
    procfile: Procfile | None = None
    echo: Terminal | None = None


class Supervisor:
    """Owns everything that is started for one var directory. The caller holds the directory's lock."""

    def __init__(self, var: VarDirectory, options: Options, say: Callable[[str, str], None]) -> None:
        self._var = var
        self._options = options
        self._say = say
        self._guard = Guard()
        self._keepers: list[Keeper] = []
        self._servers: list[Server] = []
        mark = ProcessMark.of("supervisor", os.getpid())
        if mark is None:
            raise AssertionError("this process runs")
        self._record = Record(
            supervisor=mark,
            processes=options.procfile is not None,
            given=tuple(variable for variable in SERVERS if options.given.get(variable)),
        )
        self._writing = threading.Lock()
        self.exports: dict[str, str] = {}
        self.timings: dict[str, float] = {}

    def start(self) -> dict[str, str]:
        """Bring everything up; the variables that programs on this stack need."""
        self._end_leftovers()
        self._servers = self._choose_servers()
        self._start_all(list(self._servers))
        self.exports = self._collect_exports()
        if self._options.procfile:
            self._run_release(self._options.procfile)
            self._start_all(
                [self._make_process(*entry) for entry in self._options.procfile.processes.items()]
            )
        self._write_record(ready=True)
        return self.exports

    def _choose_servers(self) -> list[Server]:
        keys = self._var.load_secrets()
        servers: dict[str, Server] = {
            "DATABASE_URL": Postgres(self._var, keys["postgres"], keys["postgres_owner"]),
            "REDIS_URL": Valkey(self._var, keys["valkey"]),
            "MILVUS_URI": Milvus(self._var, keys["milvus"]),
        }
        return [server for variable, server in servers.items() if not self._options.given.get(variable)]

    def _start_all(self, programs: Sequence[Program]) -> None:
        """Start side by side, wait for all, and write down what runs."""
        batch = []
        for program in programs:
            echo = (
                None if program.name == Milvus.name else self._options.echo
            )  # it prints stack traces as warnings
            journal = Journal(program.name, self._var.log, echo)
            batch.append(Keeper(program, journal, self._guard, self._say, self._write_record))
        self._keepers.extend(batch)
        for keeper in batch:
            keeper.start()
        for keeper in batch:
            keeper.wait_ready()
            self.timings[keeper.program.name] = keeper.started_in

    def _collect_exports(self) -> dict[str, str]:
        """What is given stays; the rest comes from the servers, the secrets and the web port."""
        given = self._options.given
        port = given.get("PORT") or str(self._var.ports.take("web"))
        address = f"http://127.0.0.1:{port}"
        secret = self._var.load_secrets()["secret_key"]
        exports = {"SECRET_KEY": secret, "PORT": port, "PUBLIC_URL": address}
        for server in self._servers:
            exports |= server.environment
        names = (*exports, *SERVERS, *CREDENTIALS.values())
        chosen = {name: given[name] for name in names if given.get(name)}
        for variable, credential in CREDENTIALS.items():
            if not given.get(variable):
                chosen.pop(credential, None)  # a token for some other Milvus does not open ours
        # Never as given: a shell may still hold the address of a stack that is gone.
        ours = {"VITRINE_URL": address, "VITRINE_VAR": str(self._var.root)}
        return exports | chosen | ours

    def _run_release(self, procfile: Procfile) -> None:
        """Migrate, or whatever the release line says, to its end."""
        if procfile.release is None:
            return
        journal = Journal(RELEASE, self._var.log, self._options.echo)
        command = self._make_process(RELEASE, procfile.release).prepare(fresh_ports=False)
        child = Child(RELEASE, command, journal)
        self._guard.tell("+", child.pid)
        try:
            status = child.wait()
        finally:
            child.stop(signal.SIGTERM, LEFTOVER_GRACE)
            self._guard.tell("-", child.pid)
            journal.close()
        if status:
            raise ReleaseFailed(
                f"The Procfile's release line {describe_status(status)}: {procfile.release}\n{journal.tail()}"
            )

    def _make_process(self, name: str, line: str) -> Process:
        exports = dict(self.exports)
        if name != RELEASE:
            exports["DATABASE_OWNER_URL"] = ""  # who serves has no key to the walls
        return Process(name, line, self._options.root, process_environment(exports, self._options.root))

    def _write_record(self, *, ready: bool = False) -> None:
        """Write down what runs now; also called by the keepers' threads, for each child they start."""
        with self._writing:
            children = [keeper.child for keeper in self._keepers]
            scratch = [
                path for server in self._servers if isinstance(server, Postgres) for path in server.scratch
            ]
            self._record = replace(
                self._record,
                ready=ready or self._record.ready,
                environment=self.exports,
                children=tuple(child.mark for child in children if child and child.mark),
                scratch=tuple(scratch),
            )
            self._var.write_record(self._record)

    def _end_leftovers(self) -> None:
        """End what an earlier supervisor left when it was killed: first in, last out."""
        record = self._var.read_record()
        if record is None:
            return
        for mark in reversed(record.children):
            if end_leftover(mark, LEFTOVER_GRACE):
                self._say("stack", f"ended {mark.name} (pid {mark.pid}), left by an earlier run")
        for path in record.scratch:
            shutil.rmtree(path, ignore_errors=True)
        self._var.remove_record()

    @property
    def exposure(self) -> str | None:
        """Why Milvus listens on every interface, None if it does not."""
        reasons = [server.exposed for server in self._servers if isinstance(server, Milvus)]
        return reasons[0] if reasons else None

    def stop(self) -> None:
        """End everything: the processes together, then the servers, PostgreSQL last."""
        names = [server.name for server in self._servers]
        processes = [keeper for keeper in self._keepers if keeper.program.name not in names]
        servers = [keeper for keeper in self._keepers if keeper.program.name in names]
        for keeper in processes:
            keeper.request_stop()
        for keeper in (
            *processes,
            *sorted(servers, key=lambda keeper: STOP_ORDER.index(keeper.program.name)),
        ):
            keeper.stop()
        self._guard.close()
        for path in self._record.scratch:
            shutil.rmtree(path, ignore_errors=True)
        self._var.remove_record()
