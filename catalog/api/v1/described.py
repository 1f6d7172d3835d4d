"""The same addresses as ``urls``, with the schema-only twins of plain views: what the OpenAPI document is made from."""

from django.urls import URLPattern, path

from catalog.api.v1 import hot
from catalog.api.v1.urls import urlpatterns as served
from catalog.api.v1.views.datasets import DatasetsView, DatasetTwin

_TWINS = {hot.datasets: DatasetsView.as_view(), hot.dataset: DatasetTwin.as_view()}


def _described(pattern: URLPattern) -> URLPattern:
    return path(f"v1/{pattern.pattern}", _TWINS.get(pattern.callback, pattern.callback))


urlpatterns = [_described(pattern) for pattern in served if pattern.name not in ("openapi", "api-docs")]
