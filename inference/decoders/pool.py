"""A few decoding processes, shared by the threads of one process (docs/adr/0019)."""

import atexit
import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from inference.decoders.process import ChildLost, DecoderOptions, DecoderProcess
from inference.errors import ImageRejected, InferenceError
from inference.headers import unreadable
from inference.images import Picture, check_picture

_log = logging.getLogger(__name__)


class DecodersAway(InferenceError):
    """No decoding process can be had: it does not start on this machine, or all are held by slow pictures."""

    code = "decoders_away"


class DecoderPool:
    """Decodes pictures as `inference.images.decode_picture` does, in processes of its own.

    They start as they are needed, or beforehand by `start`, and end with this process or by `close`.
    """

    def __init__(self, options: DecoderOptions | None = None) -> None:
        self.options = options or DecoderOptions()
        self._changed = threading.Condition()
        self._idle: list[DecoderProcess] = []
        self._running: set[DecoderProcess] = set()
        self._starting = 0
        self._owner = os.getpid()
        atexit.register(self.close)

    def start(self, processes: int) -> None:
        """Start so many beforehand, and wait until they take pictures. Raises DecodersAway."""
        wanted = min(processes, self.options.processes)
        with ThreadPoolExecutor(wanted) as starters:
            claims = [starters.submit(self._claim) for _ in range(wanted)]
        for claim in claims:
            if claim.exception() is None:
                self._release(claim.result())
        for claim in claims:
            claim.result()

    def decode(self, data: bytes, *, working_side: int | None = 1024) -> Picture:
        """The picture, as `decode_picture`; one that crashes its decoder or keeps it too long is rejected.

        Then only its own process ends, and with it nobody else's picture. Raises ImageRejected as
        `decode_picture`, DecodersAway.
        """
        check_picture(data, limits=self.options.limits)
        try:
            return self._decode(data, working_side)
        except ChildLost as lost:
            if not lost.killed_from_outside:
                raise _reject(lost) from lost
        try:
            return self._decode(data, working_side)
        except ChildLost as lost:
            raise _reject(lost) from lost

    def list_pids(self) -> list[int]:
        """The process ids of the children."""
        with self._changed:
            return [child.pid for child in self._running]

    def close(self) -> None:
        """End all processes; pictures that they are at are rejected."""
        if os.getpid() != self._owner:
            return
        with self._changed:
            ending, self._running = self._running, set()
            self._idle.clear()
        for child in ending:
            child.close()

    def _decode(self, data: bytes, working_side: int | None) -> Picture:
        child = self._claim()
        try:
            return child.decode(data, working_side=working_side)
        except ChildLost as lost:
            _log.warning("decoder %s was lost: %s", child.pid, lost)
            self._forget(child)
            raise
        finally:
            self._release(child)

    def _claim(self) -> DecoderProcess:
        """A process for the calling thread alone."""
        deadline = time.monotonic() + self.options.seconds
        with self._changed:
            while True:
                if (child := self._take_idle()) is not None:
                    return child
                if len(self._running) + self._starting < self.options.processes:
                    self._starting += 1
                    break
                if not self._changed.wait(deadline - time.monotonic()):
                    raise DecodersAway(
                        "All decoding processes are busy with slow pictures. Try again shortly."
                    )
        return self._start_child()

    def _take_idle(self) -> DecoderProcess | None:
        while self._idle:
            child = self._idle.pop()
            if child.is_alive():
                return child
            self._running.discard(child)
            child.close()
        return None

    def _forget(self, child: DecoderProcess) -> None:
        with self._changed:
            self._running.discard(child)

    def _start_child(self) -> DecoderProcess:
        """One more, for the calling thread alone; its place is reserved."""
        try:
            child = _start_process(self.options)
            with self._changed:
                self._running.add(child)
            return child
        finally:
            with self._changed:
                self._starting -= 1
                self._changed.notify()

    def _release(self, child: DecoderProcess) -> None:
        with self._changed:
            kept = child in self._running and child.decoded < self.options.pictures
            if kept:
                self._idle.append(child)
                self._changed.notify()
        if not kept:
            self._replace(child)

    def _replace(self, child: DecoderProcess) -> None:
        """End the process, and have another one started before anybody waits for it."""
        with self._changed:
            self._running.discard(child)
            self._starting += 1
        child.close()
        threading.Thread(target=self._start_spare, daemon=True, name="decoder-spare").start()

    def _start_spare(self) -> None:
        try:
            self._release(self._start_child())
        except DecodersAway:
            # Whoever needs one tries again, and hears why.
            _log.exception("no decoding process takes the place of the last one")


def _start_process(options: DecoderOptions) -> DecoderProcess:
    try:
        child = DecoderProcess(options)
    except OSError as error:
        raise DecodersAway(f"No decoding process can be started: {error}") from error
    try:
        child.await_ready()
    except ChildLost as lost:
        child.close()
        raise DecodersAway(f"A decoding process ends before it takes pictures: {lost}") from lost
    return child


def _reject(lost: ChildLost) -> ImageRejected:
    return unreadable(str(lost))
