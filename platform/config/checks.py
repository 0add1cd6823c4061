"""What must be set before the servers can be reached; run by `manage.py check`."""

import os
from typing import Any

from django.core.checks import CheckMessage, Error, register

_NEEDED = ("DATABASE_URL", "REDIS_URL", "MILVUS_URI", "SECRET_KEY")


@register()
def check_environment(**_kwargs: Any) -> list[CheckMessage]:
    """Name each missing variable and say how to get it."""
    missing = [name for name in _NEEDED if not (os.environ.get(name) or os.environ.get(f"{name}_FILE"))]
    hint = "Set it, or run the command on the local stack: python -m stack run -- python manage.py …"
    return [Error(f"{name} is not set.", hint=hint, id="config.E001") for name in missing]
