from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The demo and the evaluation: commands only, no models. They talk to the service by HTTP."""

    name = "demo"
