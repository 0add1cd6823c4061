from django.apps import AppConfig


class FrontendConfig(AppConfig):
    """Pages for people."""

    name = "frontend"
