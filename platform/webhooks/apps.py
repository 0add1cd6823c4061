from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Events told to the endpoints of a shop."""

    name = "webhooks"
