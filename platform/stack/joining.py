"""A second run on a var directory whose stack is up: use it, start nothing."""

import time
from collections.abc import Mapping

from stack.directory import Record, VarDirectory
from stack.errors import AlreadyRunning, JoinRefused

START_PATIENCE = 300.0  # seconds; a first start unpacks, initialises, migrates
POLL = 0.2
# A server's address, and what is good for that server alone.
CREDENTIALS = {"MILVUS_URI": "MILVUS_TOKEN", "DATABASE_URL": "DATABASE_OWNER_URL"}
ITS_OWN = {"PORT", "VITRINE_URL", "VITRINE_VAR"}  # what the live stack says, whatever a shell may still hold


def lock_or_join(var: VarDirectory) -> int | Record:
    """The lock of the directory, or the record of the live stack, once that is up."""
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        descriptor = var.try_lock()
        if descriptor is not None:
            return descriptor
        record = var.read_record()
        if record and record.ready and record.supervisor.find():
            return record
        time.sleep(POLL)
    raise AlreadyRunning(
        f"Another supervisor has held {var.root} for {START_PATIENCE:.0f} s and is not ready. "
        f"Look into {var.log}, or end it."
    )


def join_environment(record: Record, given: Mapping[str, str], *, processes: bool) -> dict[str, str]:
    """The variables of a live stack; what the joiner was given itself comes first.

    Raises JoinRefused where the live stack lacks the processes, or a server because its own URL was given:
    another person's database must not be used by surprise.
    """
    pid = record.supervisor.pid
    if processes and not record.processes:
        raise JoinRefused(
            f"The stack that is up (pid {pid}) runs the servers alone, and this command needs the web "
            "server and the workers too. Wait until that one has ended, or use another var directory."
        )
    foreign = [name for name in record.given if not given.get(name)]
    if foreign:
        raise JoinRefused(
            f"The stack that is up (pid {pid}) was started with {', '.join(foreign)} given, so it runs "
            "no such server of its own. Give the same here, or end that stack."
        )
    own = {name: given[name] for name in record.environment if given.get(name) and name not in ITS_OWN}
    theirs = dict(record.environment)
    for variable, credential in CREDENTIALS.items():
        (theirs if given.get(variable) else own).pop(credential, None)
    return theirs | own
