"""A SKU for any label: folder names and labels may hold spaces, slashes or any script, SKUs better not."""

import hashlib
import re
import unicodedata
from typing import Final

LONGEST: Final = 100
_PLAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_DIGEST: Final = 12


def make_sku(label: str) -> str:
    """The label itself where it can be a SKU, else its plain letters and a digest of the whole.

    Different labels give different SKUs; the same label always the same one.
    """
    digest = hashlib.sha256(label.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    if _PLAIN.fullmatch(label) and not _ends_in_digest(label):
        return label
    letters = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9]+", "-", letters).strip("-")[: LONGEST - _DIGEST - 1].strip("-")
    return f"{plain}-{digest}" if plain else digest


def _ends_in_digest(label: str) -> bool:
    """Whether a plain label could be mistaken for the SKU made of another label."""
    return re.fullmatch(r"(.*-)?[0-9a-f]{12}", label) is not None
