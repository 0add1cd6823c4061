"""Signatures, against the specification's own example and its verifying library."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from webhooks.signing import draw_secret, sign_message


def test_signature_is_that_of_the_specifications_example() -> None:
    headers = sign_message(
        signers=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=datetime.fromtimestamp(1614265330, UTC),
        body='{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_secret_is_drawn_anew_with_256_bits() -> None:
    drawn = [draw_secret() for _ in range(3)]
    assert len(set(drawn)) == 3
    for secret in drawn:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


def test_message_signed_by_two_verifies_for_each_and_for_nobody_else() -> None:
    first, second, stranger = draw_secret(), draw_secret(), draw_secret()
    now = datetime.now(UTC)
    headers = sign_message(signers=[first, second], message_id="m", timestamp=now, body='{"a":1}')
    for secret in (first, second):
        assert Webhook(secret).verify(b'{"a":1}', headers) == {"a": 1}
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(b'{"a":2}', headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(stranger).verify(b'{"a":1}', headers)
