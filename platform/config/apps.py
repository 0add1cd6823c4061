from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The settings' own checks."""

    name = "config"

    def ready(self) -> None:
        """Register the checks."""
        from config import checks  # noqa: F401, PLC0415 - importing registers them
