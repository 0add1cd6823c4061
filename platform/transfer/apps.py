from django.apps import AppConfig


class TransferConfig(AppConfig):
    """Catalogues coming in and going out: imports, uploads, exports."""

    name = "transfer"
