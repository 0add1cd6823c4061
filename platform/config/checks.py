"""What must be set before the servers can be reached; run by `manage.py check`."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's name

_NEEDED = ("DATABASE_URL", "REDIS_URL", "MILVUS_URI", "SECRET_KEY")


@register()
def check_environment(**_kwargs: Any) -> list[CheckMessage]:
    """Name each missing variable and say how to get it."""
    missing = [name for name in _NEEDED if not (os.environ.get(name) or os.environ.get(f"{name}_FILE"))]
    hint = "Set it, or run the command on the local stack: python -m stack run -- python manage.py …"
    return [Error(f"{name} is not set.", hint=hint, id="config.E001") for name in missing]


@register(Tags.security, deploy=True)
def check_mail(**_kwargs: Any) -> list[CheckMessage]:
    """Whoever is invited where no mail is sent would wait in vain."""
    if settings.EMAIL_HOST:
        return []
    hint = "Set EMAIL_HOST, or hand links over by `manage.py createowner`."
    return [Warning("Mails are files in VITRINE_VAR/mail: nobody gets them.", hint=hint, id="config.W001")]
