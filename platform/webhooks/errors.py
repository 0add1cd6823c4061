"""What goes wrong with a shop's webhooks, told to the shop.

tenants.errors.DomainError
└── UrlRefused     the address of an endpoint cannot be used: not https, private, or not to be resolved
"""

from tenants.errors import DomainError


class UrlRefused(DomainError):
    """The endpoint's address cannot be used; the message says why."""

    code = "webhook_url_refused"
