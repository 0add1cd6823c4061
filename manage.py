"""Django's command line for Vitrine."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Put the source root `platform/` on the path (it is no package) and hand over to Django."""
    sys.path.insert(1, str(Path(__file__).resolve().parent / "platform"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - after the path is set

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
