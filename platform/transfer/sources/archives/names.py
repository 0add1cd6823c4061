"""Names of entries: said in bytes of some encoding, checked, and never used as paths."""

import re
import unicodedata

from transfer.errors import SourceRefused

# The longest that a row keeps as its photo's name.
LONGEST = 500
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# macOS keeps a folder's picture in a file of this name, which ends in a carriage return.
_FOLDER_ICON = "Icon\r"


def show_name(name: str) -> str:
    """The name for a message: quoted, with what cannot be printed escaped, cut to 200 characters."""
    return repr(name if len(name) <= 200 else f"{name[:200]}...")  # noqa: PLR2004 - says it above


def clean_name(name: str) -> str:
    """The name in Unicode's composed form, without `.` and empty parts; "" is the archive's own folder.

    macOS writes names decomposed, everybody else composed, so a manifest would not find its photos.
    Raises `SourceRefused` (`archive_unsafe`) where the name leads out of the archive, or can be read in
    more than one way.
    """
    reason = _find_fault(name)
    if reason:
        raise SourceRefused(
            f"The entry {show_name(name)} {reason}. Pack the folder anew, with plain relative names.",
            code="archive_unsafe",
        )
    return normalise_path(name)


def normalise_path(path: str) -> str:
    """The path composed (Unicode NFC) and without `.` and empty parts."""
    return "/".join(part for part in unicodedata.normalize("NFC", path).split("/") if part not in {"", "."})


def decode_name(raw: bytes, otherwise: str) -> str:
    """The name in UTF-8 where it is that, or else in the encoding `otherwise`, which knows every byte.

    Many tools write UTF-8 without saying so, and hardly any other text happens to be valid UTF-8.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode(otherwise)


def _find_fault(name: str) -> str | None:
    if "\\" in name:
        return "has a backslash in its name"
    if name.startswith("/") or _DRIVE.match(name):
        return "has an absolute path"
    if ".." in name.split("/"):
        return "leads out of its folder with '..'"
    if len(name) > LONGEST:
        return f"has a name of more than {LONGEST} characters"
    if _CONTROL.search(name.removesuffix(_FOLDER_ICON)):
        return "has a control character in its name"
    return None
