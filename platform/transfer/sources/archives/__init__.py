"""ZIP and tar, read entry by entry out of their file: nothing is unpacked, and no name is used as a path."""

from transfer.sources.archives.limits import ArchiveLimits
from transfer.sources.archives.opening import open_archive

__all__ = ["ArchiveLimits", "open_archive"]
