"""Photos' files as shops send them: what they may be called, and how they are stored."""

from pathlib import PurePosixPath

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from tenants.errors import StorageAway

CONTENT_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "bmp": "image/bmp",
}


def store_file(key: str, data: bytes) -> str:
    """The name under which the file is stored. Each storage has its own errors. Raises `StorageAway`."""
    try:
        return default_storage.save(key, ContentFile(data))
    except Exception as error:
        raise StorageAway(
            f"The file storage did not take the file ({type(error).__name__}). Try again shortly."
        ) from error


def replace_file(key: str, data: bytes) -> str:
    """As `store_file`, in the place of what lies under the key, if anything does. Raises `StorageAway`."""
    remove_file(key)
    return store_file(key, data)


def clean_filename(filename: str) -> str:
    """The last part of the name, for showing only; it is never used as a path."""
    name = PurePosixPath(filename.replace("\\", "/").replace("\x00", "")).name
    return name[-255:] or "unnamed"


def remove_file(name: str) -> None:
    """Delete a stored file; gone already is fine. Raises `StorageAway`."""
    try:
        default_storage.delete(name)
    except Exception as error:
        raise StorageAway(
            f"The file storage did not delete the file ({type(error).__name__}). Try again shortly."
        ) from error
