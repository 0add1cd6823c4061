from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Work handed to workers: long jobs with a row each, and short calls that are answered."""

    name = "jobs"
