"""Iceberg's REST protocol, as PyIceberg speaks it, with limits on how long an answer may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import requests
from pyiceberg import exceptions
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.table import Table
from requests.adapters import HTTPAdapter

from catalog.connectors.base import (
    ConnectorError,
    Context,
    DatabaseRef,
    DatasetRef,
    Loaded,
    LoadFailure,
    Refused,
    SourceUnavailable,
)
from catalog.connectors.iceberg.documents import view_document
from catalog.connectors.iceberg.loading import Answer, load_table, tell_of
from catalog.domain.names import join_namespace, split_namespace

CONNECT_SECONDS = 3.0
TABLE_SECONDS = 20
"""How long one table is waited for where others are to be read too."""
MAX_DEPTH = 20
_MODE = "snapshot-loading-mode"
MAX_NAMESPACES = 100_000


class _Bounded(HTTPAdapter):
    """Requests that end at the deadline of whoever asks, and go to the one host that was allowed."""

    def __init__(self, host: str | None) -> None:
        super().__init__()
        self._host = host
        self.ctx = Context.within(CONNECT_SECONDS)

    def send(  # type: ignore[override]  # what else there is goes through as it came
        self, request: requests.PreparedRequest, stream: bool = False, timeout: Any = None, **more: Any
    ) -> requests.Response:
        """Send a request with what is left of the time."""
        if urlsplit(request.url or "").hostname != self._host:
            raise Refused("the REST catalog leads to another host, and connectors go where they are told only")
        left = self.ctx.remaining_seconds
        return super().send(request, stream=stream, timeout=(min(CONNECT_SECONDS, left), left), **more)


class _BoundedCatalog(RestCatalog):
    def __init__(self, adapter: _Bounded, **properties: str) -> None:
        self._adapter = adapter
        super().__init__("rest", **properties)

    def _config_headers(self, session: Any) -> None:
        # The first thing that is done with a new session, before tokens are asked for.
        session.mount("http://", self._adapter)
        session.mount("https://", self._adapter)
        super()._config_headers(session)


class RESTCatalog:
    """A catalog behind HTTP, asked for its configuration when it is first needed."""

    def __init__(self, uri: str, properties: dict[str, str]) -> None:
        # Snapshots by reference are enough for a document, and histories may have megabytes.
        self._properties = {"uri": uri, _MODE: "refs", **properties}
        self._adapter = _Bounded(urlsplit(uri).hostname)
        self._catalog: _BoundedCatalog | None = None

    @contextmanager
    def _open(self, ctx: Context) -> Iterator[RestCatalog]:
        ctx.check()
        self._adapter.ctx = ctx
        try:
            if self._catalog is None:
                self._catalog = _BoundedCatalog(self._adapter, **self._properties)
            yield self._catalog
        except (exceptions.UnauthorizedError, exceptions.ForbiddenError, exceptions.OAuthError) as error:
            raise Refused("the REST catalog refused the token or the credential, or forbids reading") from error
        except requests.Timeout as error:
            raise SourceUnavailable("the REST catalog did not answer in time") from error
        except (requests.RequestException, exceptions.ServerError, exceptions.ServiceUnavailableError) as error:
            raise SourceUnavailable("the REST catalog does not answer as one; check the option 'uri'") from error
        except (exceptions.RESTError, exceptions.ValidationError, ValueError) as error:
            raise ConnectorError(f"the REST catalog's answer could not be used ({type(error).__name__})") from error

    def version(self, ctx: Context) -> str:
        """Ask for the configuration, and say that it was given."""
        with self._open(ctx):
            return "Iceberg REST catalog"

    def namespaces(self, ctx: Context) -> Sequence[DatabaseRef]:
        """Return namespaces level by level."""
        refs: list[DatabaseRef] = []
        with self._open(ctx) as catalog:
            waiting = list(catalog.list_namespaces())
            while waiting and len(refs) < MAX_NAMESPACES:
                ctx.check()
                namespace = waiting.pop()
                try:
                    properties = {k: str(v) for k, v in catalog.load_namespace_properties(namespace).items()}
                    if len(namespace) < MAX_DEPTH:
                        waiting += catalog.list_namespaces(namespace)
                except exceptions.NoSuchNamespaceError:
                    continue  # dropped meanwhile
                refs.append(DatabaseRef(join_namespace(namespace), properties.get("comment", ""), properties))
        return refs

    def datasets(self, ctx: Context, database: str) -> Sequence[DatasetRef] | None:
        """Return tables and, where the catalog has such, views; the protocol lists nothing that says whether they changed."""
        namespace = split_namespace(database)
        with self._open(ctx) as catalog:
            try:
                names = [identifier[-1] for identifier in catalog.list_tables(namespace)]
                names += [identifier[-1] for identifier in _views(catalog, namespace)]
            except exceptions.NoSuchNamespaceError:
                return None
        return [DatasetRef(database, name) for name in dict.fromkeys(names)]

    def load(self, ctx: Context, ref: DatasetRef) -> Loaded | LoadFailure:
        """Return a table's document, or if there is no such table, a view's."""
        with self._open(ctx) as catalog:
            answer = load_table(ref, lambda: self._table(catalog, ref, ctx), digest=False)
            if isinstance(answer, Loaded) or not answer.gone:
                return answer
            try:
                view = catalog.load_view((*split_namespace(ref.database), ref.name))
                return Loaded(replace(ref, source_id=str(view.metadata.view_uuid)), view_document(view))
            except (exceptions.NoSuchViewError, NotImplementedError, StopIteration):
                return answer

    def about(self, ctx: Context, ref: DatasetRef, tell: Callable[[Table], Answer]) -> Answer:
        """Return what a table tells; all snapshots are asked for, those that nothing refers to included."""
        with self._open(ctx) as catalog:
            catalog.properties[_MODE] = "all"
            try:
                return tell_of(ref, lambda: self._table(catalog, ref, ctx), tell)
            finally:
                catalog.properties[_MODE] = "refs"

    def _table(self, catalog: RestCatalog, ref: DatasetRef, ctx: Context) -> Table:
        """
        Return a table. A catalog may try for minutes to read what is corrupt; others do not wait for that.

        :raises ConnectorError: for what is wrong with this table alone. :raises SourceUnavailable: if nothing answers.
        """
        self._adapter.ctx = replace(ctx, deadline=min(ctx.deadline, time.monotonic() + TABLE_SECONDS))
        try:
            table: Table = catalog.load_table((*split_namespace(ref.database), ref.name))
            return table
        except requests.Timeout as error:
            ctx.check()
            words = f"the REST catalog did not answer within {TABLE_SECONDS} s for this table"
            raise ConnectorError(words) from error
        except requests.RequestException as error:
            raise SourceUnavailable("the REST catalog does not answer as one; check the option 'uri'") from error
        except exceptions.ServiceUnavailableError:
            raise
        except exceptions.ServerError as error:  # such as at a metadata file that is gone
            raise ConnectorError("the REST catalog fails at this table") from error
        finally:
            self._adapter.ctx = ctx

    def close(self) -> None:
        """Close the session."""
        if self._catalog is not None:
            self._catalog.close()
            self._catalog = None


def _views(catalog: RestCatalog, namespace: tuple[str, ...]) -> Sequence[Any]:
    try:
        return list(catalog.list_views(namespace))
    except (NotImplementedError, exceptions.BadRequestError, exceptions.NoSuchNamespaceError):
        return []  # a catalog without views, or one that does not say so
