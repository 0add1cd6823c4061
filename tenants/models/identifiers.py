"""Public ids: UUIDv7 (RFC 9562), so that keys sort by time of creation and indexes stay compact."""

from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return UUID(int=uuid_utils.uuid7().int)
