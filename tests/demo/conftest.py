"""The scripted server in the place of the service."""

from tests.vitrine.conftest import server

__all__ = ["server"]
