"""From a stored catalog to the connector that speaks with its source."""

from __future__ import annotations

from catalog import backends, credentials
from catalog.connectors.base import Connector
from catalog.domain.names import CaseRule
from catalog.models import (
    Catalog,
)


def case_rule(platform: str) -> CaseRule:
    """Return whether a platform's names fold case; sensitive where its connector is not installed."""
    try:
        return backends.connector_spec(platform).case_rule
    except backends.UnknownPlatform:
        return CaseRule.SENSITIVE


def open_connector(catalog: Catalog) -> Connector:
    """
    Return the connector of a catalog with its secrets resolved; the caller closes it.

    :raises UnknownPlatform, InvalidOptions, NotInstalled: with what to do.
    """
    options = {**catalog.options, **credentials.unseal(bytes(catalog.secrets))}
    spec = backends.connector_spec(catalog.platform)
    return backends.make_connector(catalog.platform, credentials.resolve_options(options, spec))
