"""What a product may be called by its shop."""

import unicodedata


def is_clean_sku(sku: str) -> bool:
    """Whether no control character is in it: nobody could see it, and lists break at it."""
    return all(unicodedata.category(character) != "Cc" for character in sku)
