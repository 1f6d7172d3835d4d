"""The header that says what pages may load; answers that are no pages go without, and without the cost of building it."""

from __future__ import annotations

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_EXCLUDED = tuple(settings.CONTENT_SECURITY_POLICY["EXCLUDE_URL_PREFIXES"])


class PagePolicyMiddleware(CSPMiddleware):
    """Leaves alone the answers below the excluded prefixes, for which the library builds the header and throws it away."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Add the header to a page."""
        if request.path_info.startswith(_EXCLUDED):
            return response
        answer: HttpResponseBase = super().process_response(request, response)
        return answer
