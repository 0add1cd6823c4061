"""Signatures by the Standard Webhooks specification (https://www.standardwebhooks.com), symmetric, v1."""

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime

from standardwebhooks import Webhook

_PREFIX = "whsec_"
_SECRET_BYTES = 32


def draw_secret() -> str:
    """A fresh secret, `whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def sign_message(
    *, signers: Iterable[str], message_id: str, timestamp: datetime, body: str
) -> dict[str, str]:
    """The headers that prove the message: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

    signers: secrets, each of which signs, so that a receiver that knows one of them is content. timestamp: of
    this attempt, in UTC; receivers refuse one that is more than five minutes off.
    """
    signatures = [
        Webhook(secret).sign(msg_id=message_id, timestamp=timestamp, data=body) for secret in signers
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(timestamp.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
