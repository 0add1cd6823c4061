"""Answers that are files. A view hands the file over itself; its problems are JSON whatever was asked for."""

from rest_framework.renderers import JSONRenderer


class CsvRenderer(JSONRenderer):
    """For a view whose answer is CSV."""

    media_type = "text/csv"
    format = "csv"


class ZipRenderer(JSONRenderer):
    """For a view whose answer is an archive."""

    media_type = "application/zip"
    format = "zip"
