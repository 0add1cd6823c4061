from django.apps import AppConfig


class ApiConfig(AppConfig):
    """REST v1."""

    name = "api"

    def ready(self) -> None:
        """Tell the schema generator about our authentication."""
        from api import schema  # noqa: F401, PLC0415 - importing registers the extension
