"""The schema-only twins of plain views, for the OpenAPI document."""

from catalog.api.v1 import hot
from catalog.api.v1.views.datasets import DatasetsView, DatasetTwin

TWINS = {hot.datasets: DatasetsView.as_view(), hot.dataset: DatasetTwin.as_view()}
