"""From a stored catalog to the connector that speaks with its source."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any, TypeVar

from catalog import backends, credentials
from catalog.connectors.base import Connector, ConnectorError, DatasetRef, SourceUnavailable
from catalog.domain.names import CaseRule
from catalog.models import (
    Catalog,
)

LIVE_SECONDS = 10
"""How long somebody who waits for an answer waits for a source."""
IDLE_SECONDS = 30
IDLE_A_CATALOG = 4
"""Connectors of a catalog that wait open for the next question, in each process."""

Answer = TypeVar("Answer")


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


class _Waiting:
    """Open connectors that nobody uses at the moment, by catalog and the version of its settings."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[tuple[uuid.UUID, int], list[tuple[float, Connector]]] = {}

    def take(self, key: tuple[uuid.UUID, int]) -> Connector | None:
        """Return the one that was used last, None if there is none; those that waited too long are closed."""
        oldest = time.monotonic() - IDLE_SECONDS
        with self._lock:
            stale = [connector for idle in self._idle.values() for since, connector in idle if since < oldest]
            fresh = {at: [one for one in idle if one[0] >= oldest] for at, idle in self._idle.items()}
            self._idle = {at: idle for at, idle in fresh.items() if idle}
            found = self._idle[key].pop()[1] if self._idle.get(key) else None
        for connector in stale:
            connector.close()
        return found

    def give(self, key: tuple[uuid.UUID, int], connector: Connector) -> None:
        """Keep a connector for the next question, or close it if enough of them wait."""
        with self._lock:
            idle = self._idle.setdefault(key, [])
            if len(idle) < IDLE_A_CATALOG:
                idle.append((time.monotonic(), connector))
                return
        connector.close()


_waiting = _Waiting()


def ask(catalog: Catalog, question: Callable[[Connector], Answer]) -> Answer:
    """
    Return what a catalog's source answers to a question, by a connection that is open already where there is one.

    A connection that broke while it waited is replaced by a fresh one, so that a question may be asked twice.

    :raises ConnectorError: as the connector says.
    """
    if not backends.connector_spec(catalog.platform).keeps_open:
        with closing(open_connector(catalog)) as connector:
            return question(connector)
    key = (catalog.uuid, catalog.version)
    waited = _waiting.take(key)
    if waited is not None:
        with suppress(SourceUnavailable):
            return _ask_through(waited, question, key)
    return _ask_through(open_connector(catalog), question, key)


def _ask_through(connector: Connector, question: Callable[[Connector], Answer], key: tuple[uuid.UUID, int]) -> Answer:
    """Ask, and let the connection wait for the next question unless it may be what failed."""
    is_sound = False
    try:
        answer = question(connector)
        is_sound = True
        return answer
    except SourceUnavailable:
        raise
    except ConnectorError:
        is_sound = True
        raise
    finally:
        if is_sound:
            _waiting.give(key, connector)
        else:
            connector.close()


def place_of(body: Mapping[str, Any]) -> tuple[Catalog, DatasetRef]:
    """Return the catalog of a dataset, from its body, and what its source knows it by."""
    return Catalog.objects.get(name=body["catalog"]), DatasetRef(body["database"] or "", body["name"])
