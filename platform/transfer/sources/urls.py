"""Photos behind URLs that a tenant named. Off, unless the operator turned it on."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from django.conf import settings

from outbound.connecting import Deadline
from outbound.errors import OutboundRefused
from outbound.fetching import fetch
from outbound.policy import ANY_PORT, FetchPolicy
from transfer.errors import RowRefused

# Before the second try, the third, ...
_PAUSES_S: Final = (0.5, 2.0)


class UrlPhotos:
    """A `PhotoReader` of URLs. Safe to be used by several threads."""

    def __init__(self, policy: FetchPolicy, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._policy = policy
        self._sleep = sleep

    def read_photo(self, place: str) -> bytes:
        """The bytes at the URL. What may pass is tried again, all of it within the policy's `timeout_s`.

        Raises `RowRefused` with the code and message of the `OutboundRefused`: a server that is away fails
        its own rows, and holds up no import.
        """
        deadline = Deadline(self._policy.timeout_s)
        for pause_s in _PAUSES_S:
            try:
                return self._fetch(place, deadline)
            except OutboundRefused as error:
                if not error.transient or deadline.left_s <= pause_s:
                    raise RowRefused(error.message, code=error.code) from error
            self._sleep(pause_s)
        try:
            return self._fetch(place, deadline)
        except OutboundRefused as error:
            raise RowRefused(error.message, code=error.code) from error

    def _fetch(self, place: str, deadline: Deadline) -> bytes:
        return fetch(place, replace(self._policy, timeout_s=deadline.left_s)).data


def open_remote() -> UrlPhotos | None:
    """The reader of URLs that the operator allows; None where imports may read none."""
    if settings.IMPORT_URLS == "off":
        return None
    return UrlPhotos(
        FetchPolicy(
            https_only=settings.IMPORT_URLS == "https",
            allow_private=settings.IMPORT_PRIVATE_ADDRESSES,
            max_bytes=settings.MAX_IMAGE_BYTES,
            timeout_s=settings.IMPORT_URL_TIMEOUT_S,
            ports=ANY_PORT if settings.IMPORT_PRIVATE_ADDRESSES else None,
            ca_file=settings.OUTBOUND_CA_BUNDLE,
        )
    )
