"""The web server's entry point."""

import os
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

from tenants.postgresql.roles import check_role_that_serves


class Utf8Request(WSGIRequest):
    """A request whose address and body are UTF-8 (RFC 3986, 7578, 8259), whatever charset its sender names.

    Django decodes the address in the charset of the content type, before any handler of errors is in place:
    `charset=idna` would be an error of ours.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
check_role_that_serves()
application.request_class = Utf8Request
