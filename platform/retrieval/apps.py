from django.apps import AppConfig


class RetrievalConfig(AppConfig):
    """What is near a photo, and what that means."""

    name = "retrieval"
