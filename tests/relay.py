"""A TCP relay before a real server: what stands behind it can be taken away, made silent, and given back."""

import socket
import threading
from contextlib import suppress

_CHUNK = 1 << 16


class Relay:
    """Listens on a free port of 127.0.0.1 and passes every byte on to the target and back.

    `cut` is a server that was killed: connections break, new ones are refused. `silence` is one that hangs:
    connections stand and are accepted, and nothing comes back. `restore` gives the server back. passed: bytes
    that came, from either side.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._speaks = threading.Event()
        self._speaks.set()
        self._most: int | None = None
        self.passed = 0
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    def cut(self) -> None:
        """Break what is connected and refuse what comes."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            broken, self._open = self._open, set()
        for end in broken:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def silence(self) -> None:
        """Pass nothing on any more."""
        self._speaks.clear()

    def silence_after(self, count: int) -> None:
        """Pass nothing on any more once so many bytes have come."""
        self._most = self.passed + count

    def restore(self) -> None:
        """Be a working server again."""
        self._speaks.set()
        if self._listener.fileno() == -1:
            self._listener = self._listen(self.port)

    def close(self) -> None:
        """End for good."""
        self._speaks.set()
        self.cut()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                with self._lock:
                    self._open |= {near, far}
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _count(self, size: int) -> None:
        with self._lock:
            self.passed += size
            if self._most is not None and self.passed > self._most:
                self.silence()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                self._count(len(data))
                self._speaks.wait()
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open.discard(source)
        source.close()
