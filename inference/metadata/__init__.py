"""What a camera wrote beside a picture (where, when, by whom), taken out of its file without touching pixels.

Nothing is decoded and nothing encoded: a file's parts are copied, or left out. What stays is what the pixels
need to look the same, the colour profile among it, and the EXIF orientation, in a block that says nothing
else. Previews, and whatever follows a picture's end, go.
"""

import hashlib

from inference.errors import ImageRejected
from inference.headers import sniff_format
from inference.metadata import bmp, gif, jpeg, png, webp

__all__ = ["hash_picture", "remove_metadata"]

_FORMATS = {"jpeg": jpeg, "png": png, "webp": webp, "gif": gif, "bmp": bmp}


def remove_metadata(data: bytes) -> bytes:
    """The same picture without metadata; done again, it changes nothing.

    Of a file that breaks off or breaks its format's rules, what stood before that is kept; bytes that are no
    picture of ours are answered as they are. Either is for the decoder to refuse.
    """
    try:
        name = sniff_format(data)
    except ImageRejected:
        return data
    return b"".join(_FORMATS[name].keep_picture(data))


def hash_picture(data: bytes) -> str:
    """The sha256, in hex, of the picture without metadata: by which the same photo is known again."""
    return hashlib.sha256(remove_metadata(data)).hexdigest()
