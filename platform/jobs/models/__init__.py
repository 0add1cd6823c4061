"""The tables of long work, one noun a module."""

from jobs.models.item import JobItem
from jobs.models.job import Job

__all__ = ["Job", "JobItem"]
