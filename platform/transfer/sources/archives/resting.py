"""Compressed tars between two slices of a job, so that the next need not read up to where this one was."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock

from transfer.sources.archives.tar_streams import InflatedStream

# gzip holds 0.5 MiB each, bzip2 4 MiB, `xz -9` 65 MiB.
_MOST = 4


class RestingStreams:
    """Streams by the key of what they read, the last few of this process; each is taken by one at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._streams: OrderedDict[Hashable, InflatedStream] = OrderedDict()

    def put(self, key: Hashable, stream: InflatedStream) -> None:
        """Keep the stream, which is without a file by now, until it is taken or others push it out."""
        with self._lock:
            self._streams[key] = stream
            self._streams.move_to_end(key)
            if len(self._streams) > _MOST:
                self._streams.popitem(last=False)

    def take(self, key: Hashable) -> InflatedStream | None:
        """The stream of this key, which is the caller's alone then."""
        with self._lock:
            return self._streams.pop(key, None)


resting = RestingStreams()
