"""Names in the cache."""

from django.utils.crypto import salted_hmac


def hide_key(key: str, prefix: str, version: int) -> str:
    """The name under which the cache keeps `key`: whoever reads the server learns no address and no code."""
    hidden = salted_hmac("config.cache_keys", f"{prefix}:{version}:{key}", algorithm="sha256").hexdigest()
    return f"vitrine:cache:{hidden}"
