"""The addresses below /v1 of all apps, with the schema-only twins of plain views: what the OpenAPI document is made from."""

from django.urls import URLPattern, path

from catalog.api.v1.described import TWINS
from catalog.api.v1.urls import urlpatterns as catalog
from detection.api.v1.urls import urlpatterns as detection
from lineage.api.v1.urls import urlpatterns as lineage
from policy.api.v1.urls import urlpatterns as policy
from schema_registry.api.v1.urls import urlpatterns as registry


def _described(pattern: URLPattern) -> URLPattern:
    return path(f"v1/{pattern.pattern}", TWINS.get(pattern.callback, pattern.callback))


urlpatterns = [
    _described(pattern)
    for pattern in (*catalog, *lineage, *registry, *detection, *policy)
    if pattern.name not in ("openapi", "api-docs")
]
