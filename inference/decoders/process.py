"""One decoding process, as its parent sees it."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass

from inference.decoders.exchange import (
    MESSAGE_BYTES,
    READY,
    AnswerBroken,
    Question,
    SharedMemory,
    create_memory,
    read_answer,
)
from inference.images import DEFAULT_LIMITS, ImageLimits, Picture

_START_S = 60.0
_REAP_S = 10.0
# glibc would give memory back to the kernel after each picture, and taking it again costs more than a small
# picture: 2.0 of 3.7 ms for 640 x 480 pixels (docs/adr/0019).
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(32 * 2**20),
}
# Most pictures use less, and find their pages there already.
_KEPT_BYTES = 16 * 2**20


@dataclass(frozen=True)
class DecoderOptions:
    """processes: at most so many. seconds: for one picture. memory_mib: that a picture may take, which
    is 982 for the worst one of 50 million pixels that was found.

    pictures: after so many a process is replaced, so that what decoders leak is given back. module: what is
    run with `python -m`.
    """

    processes: int = 4
    seconds: float = 8.0
    memory_mib: int = 1280
    limits: ImageLimits = DEFAULT_LIMITS
    pictures: int = 5000
    module: str = "inference.decoders.child"


class ChildLost(Exception):
    """The process ended, or was ended, over a picture. `killed_from_outside`: by neither it nor us."""

    def __init__(self, reason: str, *, killed_from_outside: bool = False) -> None:
        super().__init__(reason)
        self.killed_from_outside = killed_from_outside


class DecoderProcess:
    """A started child, not yet ready. One thread at a time may use it."""

    def __init__(self, options: DecoderOptions) -> None:
        self._options = options
        self.decoded = 0
        descriptor = create_memory(options.limits)
        self._memory = SharedMemory(descriptor, options.limits)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = subprocess.Popen(
                _command(descriptor, options),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                pass_fds=[descriptor],
                env={"PYTHONPATH": _path(), **_ENVIRONMENT},
                cwd="/",
            )
        finally:
            theirs.close()
            os.close(descriptor)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def await_ready(self) -> None:
        """Wait until it takes pictures. Raises ChildLost."""
        if self._receive(_START_S) != READY:
            raise ChildLost(f"it could not be started ({self._describe_end()})")

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def decode(self, data: bytes, *, working_side: int | None) -> Picture:
        """Have the picture decoded, as `decode_picture` does. Raises ImageRejected, ChildLost.

        After ChildLost it is of no use any more, and is to be closed.
        """
        question = Question(len(data), self._options.limits, working_side, self._options.seconds)
        self._memory.write_file(data)
        try:
            self._socket.send(question.pack())
            answer = self._receive(self._options.seconds)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        if not answer:
            raise self._explain_end()
        try:
            picture = read_answer(answer, self._memory, limits=self._options.limits)
        except AnswerBroken as broken:
            raise ChildLost(f"the decoder gave no sensible answer ({broken})") from broken
        finally:
            self.decoded += 1
        if len(data) + picture.pixels.nbytes > _KEPT_BYTES:
            self._memory.forget()
        return picture

    def close(self) -> None:
        """End it, whatever it does."""
        self._socket.close()
        self._process.kill()
        self._process.wait(_REAP_S)
        self._memory.close()

    def _receive(self, seconds: float) -> bytes:
        """The next message; none where it has ended. Raises ChildLost when there is none in time."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(MESSAGE_BYTES)
        except TimeoutError as late:
            raise ChildLost(f"decoding took longer than {seconds:g} seconds") from late
        except ConnectionResetError:
            return b""

    def _explain_end(self) -> ChildLost:
        how = self._describe_end()
        outside = self._process.returncode == -signal.SIGKILL
        return ChildLost(f"it makes decoders crash: {how}", killed_from_outside=outside)

    def _describe_end(self) -> str:
        """How it ended, which may take it a moment after it has closed its socket."""
        try:
            code = self._process.wait(_REAP_S)
        except subprocess.TimeoutExpired:
            return "it hung up"
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def _command(descriptor: int, options: DecoderOptions) -> list[str]:
    numbers = (descriptor, options.memory_mib, options.limits.max_bytes, options.limits.max_pixels)
    return [sys.executable, "-P", "-m", options.module, *(str(number) for number in numbers)]


def _path() -> str:
    """Where this process finds its modules; the child starts elsewhere."""
    return os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100 - "" is the working one
