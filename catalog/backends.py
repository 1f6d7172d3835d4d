"""Makes adapters from settings: the only reader of dotted paths."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from catalog.connectors.base import Connector, ConnectorSpec
    from catalog.search.base import SearchIndex


class UnknownPlatform(LookupError):
    """No connector is installed for a platform; the message lists those that are."""


def _connector_class(platform: str) -> type[Connector]:
    path = settings.CONNECTORS.get(platform)
    if path is None:
        raise UnknownPlatform(f"there is no connector '{platform}'; there are {', '.join(sorted(settings.CONNECTORS))}")
    return cast("type[Connector]", import_string(path))


def make_connector(platform: str, options: Mapping[str, Any]) -> Connector:
    """
    Return a connector with its options; nothing is opened yet.

    :raises UnknownPlatform: if there is none for the platform.
    :raises InvalidOptions, NotInstalled: as the connector says.
    """
    return _connector_class(platform)(**options)


def connector_spec(platform: str) -> ConnectorSpec:
    """Return what a platform's connector is. :raises UnknownPlatform: if there is none."""
    return _connector_class(platform).spec


def _has_port(platform: str, port: type) -> bool:
    return platform in settings.CONNECTORS and issubclass(_connector_class(platform), port)


def lists_partitions(platform: str) -> bool:
    """Return whether a platform's connector can list partitions; False where there is none."""
    from catalog.connectors.base import HasPartitions

    return _has_port(platform, HasPartitions)


def keeps_snapshots(platform: str) -> bool:
    """Return whether a platform's tables keep earlier states of their data; False where there is no connector."""
    from catalog.connectors.base import HasSnapshots

    return _has_port(platform, HasSnapshots)


def samples_rows(platform: str) -> bool:
    """Return whether a platform's connector can read some rows; False where there is none."""
    from catalog.connectors.base import SamplesRows

    return _has_port(platform, SamplesRows)


def list_connector_specs() -> list[ConnectorSpec]:
    """Return the specs of all installed connectors, in the order of the settings."""
    return [connector_spec(platform) for platform in settings.CONNECTORS]


@functools.cache
def _search_index(backend: str, options: tuple[tuple[str, Any], ...]) -> SearchIndex:
    return cast("SearchIndex", import_string(backend)(**dict(options)))


def search_index() -> SearchIndex:
    """Return this process's search index; one adapter object a process, since readers keep files open."""
    chosen = settings.SEARCH_INDEX
    return _search_index(chosen["BACKEND"], tuple(sorted(chosen["OPTIONS"].items())))
