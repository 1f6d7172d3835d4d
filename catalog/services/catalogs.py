"""Catalogs: registered, tested, changed, paused and removed while everything runs; their syncs asked for and held."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from catalog import backends, credentials
from catalog.access import gate
from catalog.access.principals import Caller
from catalog.access.services import AuditEntry, record
from catalog.connectors.base import Context, Health, check_options
from catalog.domain.names import ELSEWHERE, REGISTRY, check_catalog_name
from catalog.journal import clock
from catalog.journal.runs import create_run, find_active_run, find_run_of_key, keep_run_key
from catalog.journal.services import Entry, publish
from catalog.models import Catalog, CatalogState, SyncHold
from catalog.selectors import NoSuchCatalog

CHECK_SECONDS = 10
MIN_SYNC_SECONDS = 60
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://\S+")


class InvalidCatalog(ValueError):
    """A registration that cannot work; the message says which part and why."""


class CatalogExists(InvalidCatalog):
    """The name is taken."""


class NoSuchHold(LookupError):
    """There is no question of this id that waits for an answer."""


def _split_options(platform: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return plain options and secrets to seal; a secret given as a reference is no secret. :raises InvalidOptions: for an unknown one."""
    spec = backends.connector_spec(platform)
    check_options(options, spec)
    secret_names = {option.name for option in spec.options if option.secret}
    plain: dict[str, Any] = {}
    sealed: dict[str, str] = {}
    for name, value in options.items():
        if not isinstance(value, (str, int, float, bool)):
            raise InvalidCatalog(f"option '{name}' must be a text, a number or true or false")
        if value == "":
            continue
        if name in secret_names and not credentials.is_reference(str(value)):
            sealed[name] = str(value)
        else:
            plain[name] = value
    return plain, sealed


def _check_host(options: Mapping[str, Any]) -> None:
    allowed = settings.CONNECTOR_HOSTS
    for host in _hosts(options):
        if _is_link_local(host):
            raise InvalidCatalog("connectors do not reach link-local addresses")
        if "*" not in allowed and host not in allowed:
            raise InvalidCatalog(
                f"connectors may not reach the host '{host}'; whoever runs Cairn adds it to CAIRN_CONNECTOR_HOSTS"
                f" ({', '.join(allowed) or 'none now'})"
            )


def _hosts(options: Mapping[str, Any]) -> Iterator[str]:
    """Return the hosts that options name: the option ``host``, and those of each address, by its own part or by its parameters."""
    if options.get("host"):
        yield from _listed(str(options["host"]))
    for value in options.values():
        for address in _ADDRESS.findall(value) if isinstance(value, str) else ():
            try:
                found = urlsplit(address)
                hosts = [urlsplit(f"//{part}").hostname for part in found.netloc.rpartition("@")[2].split(",")]
                stated = parse_qs(found.query)
            except ValueError as error:
                raise InvalidCatalog("an address among the options cannot be read") from error
            yield from filter(None, hosts)
            for name in ("host", "hostaddr"):
                for text in stated.get(name, ()):
                    yield from _listed(text)


def _listed(text: str) -> list[str]:
    """Return the hosts of a list as PostgreSQL's clients take it, their ports left out."""
    hosts = (part.strip() for part in text.split(","))
    return [host.partition(":")[0] if host.count(":") == 1 else host for host in hosts if host]


def _is_link_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False


def check_connection(*, caller: Caller, platform: str, options: Mapping[str, Any]) -> Health:
    """
    Reach a source with the options given and return what answered; nothing is stored.

    :raises UnknownPlatform, InvalidCatalog, ConnectorError: with what to do about it.
    """
    gate.require_operator(caller.principal, what="testing connections")
    _check_host(options)
    given = {name: value for name, value in options.items() if value != ""}
    connector = backends.make_connector(platform, credentials.resolve_options(given, backends.connector_spec(platform)))
    try:
        return connector.check(Context.within(CHECK_SECONDS))
    finally:
        connector.close()


def register_catalog(
    *,
    caller: Caller,
    name: str,
    platform: str,
    options: Mapping[str, Any],
    environment: str = "prod",
    description: str = "",
    namespaces: Sequence[str] = (),
    database_patterns: Sequence[str] = (),
    allows_sampling: bool = False,
    sync_every_seconds: int | None = 1800,
    drop_limit_ratio: float = 0.2,
    test: bool = True,
) -> uuid.UUID:
    """
    Register a source under a name that can never change, after its connection was tested unless told not to.

    :raises InvalidName, InvalidCatalog, UnknownPlatform: for what cannot work.
    :raises CatalogExists: if the name is taken, be it by a removed catalog of another platform.
    :raises ConnectorError: if the test fails; nothing is stored then.
    """
    gate.require_operator(caller.principal, what="registering catalogs")
    check_catalog_name(name)
    _check_own(name)
    plain, sealed = _split_options(platform, options)
    _check_settings(sync_every_seconds, drop_limit_ratio, database_patterns)
    _check_host(options)
    if Catalog.objects.filter(name=name).exclude(state=CatalogState.REMOVED).exists():
        raise CatalogExists(f"catalog '{name}' exists already; choose another name or change that one")
    if test:
        check_connection(caller=caller, platform=platform, options=options)
    now = clock.now()
    with transaction.atomic():
        catalog = Catalog.objects.select_for_update().filter(name=name).first()
        if catalog is not None and catalog.state != CatalogState.REMOVED:
            raise CatalogExists(f"catalog '{name}' exists already")
        if catalog is not None and catalog.platform != platform:
            raise CatalogExists(
                f"the name '{name}' belongs to a removed {catalog.platform} catalog, whose history it keeps; choose another"
            )
        if catalog is None:
            catalog = Catalog(name=name, platform=platform, created_at=now)
        catalog.environment = environment
        catalog.description = description
        catalog.options = plain
        catalog.secrets = credentials.seal(sealed)
        catalog.namespaces = list(namespaces)
        catalog.database_patterns = list(database_patterns)
        catalog.allows_sampling = allows_sampling
        catalog.source_token = ""
        catalog.state = CatalogState.ACTIVE
        catalog.sync_every_seconds = sync_every_seconds
        catalog.drop_limit_ratio = drop_limit_ratio
        catalog.next_sync_at = now if sync_every_seconds else None
        catalog.save()
        _tell(caller, catalog, "registered", after={"platform": platform, "options": plain})
    return catalog.uuid


def _check_settings(sync_every_seconds: int | None, drop_limit_ratio: float, database_patterns: Sequence[str]) -> None:
    for pattern in database_patterns:
        if not pattern.removeprefix("-") or len(pattern) > 500 or pattern.count("*") > 8:
            raise InvalidCatalog(f"{pattern[:50]!r} is no pattern of databases; write such as sales_* or -tmp_*")
    if sync_every_seconds is not None and sync_every_seconds < MIN_SYNC_SECONDS:
        raise InvalidCatalog(f"a catalog is synced every {MIN_SYNC_SECONDS} s at most; leave it empty for by hand only")
    if not 0 <= drop_limit_ratio <= 1:
        raise InvalidCatalog("the drop limit is a share between 0 and 1, such as 0.2")


def _tell(caller: Caller, catalog: Catalog, operation: str, before: Any = None, after: Any = None) -> None:
    publish(
        [
            Entry(
                "catalog",
                operation,
                "catalog",
                catalog.uuid,
                catalog.version,
                cause=caller.cause,
                payload={"name": catalog.name},
            )
        ]
    )
    record(caller, [AuditEntry(f"catalog.{operation}", "catalog", catalog.name, catalog.uuid, before, after)])


def _check_own(name: str) -> None:
    if name == ELSEWHERE:
        raise InvalidCatalog(f"'{ELSEWHERE}' is kept for datasets that others tell of; it has no source")
    if name == REGISTRY:
        raise InvalidCatalog(f"'{REGISTRY}' is kept for the subjects of the schema registry")


def _lock(name: str) -> Catalog:
    return _known(name, Catalog.objects.select_for_update())


def _known(name: str, rows: QuerySet[Catalog] | None = None) -> Catalog:
    _check_own(name)
    found = Catalog.objects.all() if rows is None else rows
    catalog = found.filter(name=name).exclude(state=CatalogState.REMOVED).first()
    if catalog is None:
        raise NoSuchCatalog(f"there is no catalog '{name}'")
    return catalog


_CHANGEABLE = (
    *("environment", "description", "namespaces", "database_patterns"),
    *("allows_sampling", "sync_every_seconds", "drop_limit_ratio", "state"),
)


def update_catalog(
    *,
    caller: Caller,
    name: str,
    changes: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
    test: bool = True,
) -> None:
    """
    Change a catalog's settings; ``options`` replace all plain ones, and those secrets that are given; an empty one is taken away.

    With options the source is reached before anything is stored, unless told not to.

    :raises InvalidCatalog: for a setting that cannot be changed or a value that cannot work.
    :raises ConnectorError: if the source refuses the options, or does not answer.
    """
    gate.require_operator(caller.principal, what="changing catalogs")
    unknown = sorted(set(changes) - set(_CHANGEABLE))
    if unknown:
        raise InvalidCatalog(f"'{unknown[0]}' cannot be changed; these can: {', '.join(_CHANGEABLE)}, options")
    if changes.get("state") not in (None, CatalogState.ACTIVE, CatalogState.PAUSED):
        raise InvalidCatalog("a catalog's state can be set to active or paused; remove it by deleting it")
    if options is not None:
        known = _known(name)
        plain, secrets = _merged(known, options)
        _check_host(plain | secrets)
        if test:
            check_connection(caller=caller, platform=known.platform, options=plain | secrets)
    with transaction.atomic():
        catalog = _lock(name)
        before = {part: getattr(catalog, part) for part in changes}
        for part, value in changes.items():
            setattr(catalog, part, value)
        _check_settings(catalog.sync_every_seconds, catalog.drop_limit_ratio, catalog.database_patterns)
        if options is not None:
            plain, secrets = _merged(catalog, options)
            catalog.options = plain
            catalog.secrets = credentials.seal(secrets)
            catalog.source_token = ""
        if catalog.sync_every_seconds is None or catalog.state != CatalogState.ACTIVE:
            catalog.next_sync_at = None
        elif catalog.next_sync_at is None:
            catalog.next_sync_at = clock.now()
        catalog.version += 1
        catalog.save()
        _tell(
            caller, catalog, "changed", before, {**changes, **({} if options is None else {"options": catalog.options})}
        )


def _merged(catalog: Catalog, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the plain options and the secrets that a catalog has after a change: secrets that are not given stay."""
    plain, sealed = _split_options(catalog.platform, options)
    kept = credentials.unseal(bytes(catalog.secrets)) if catalog.secrets else {}
    return plain, {option: value for option, value in kept.items() if option not in options} | sealed


def remove_catalog(*, caller: Caller, name: str) -> uuid.UUID:
    """Remove a catalog from everybody's sight and return the run that tombstones its datasets; registering it again revives them."""
    gate.require_operator(caller.principal, what="removing catalogs")
    with transaction.atomic():
        catalog = _lock(name)
        catalog.state = CatalogState.REMOVED
        catalog.next_sync_at = None
        catalog.version += 1
        catalog.save()
        _tell(caller, catalog, "removed")
        return create_run(kind="remove_catalog", subject=name, requested_by=caller.principal.handle)


def request_sync(*, caller: Caller, name: str, idempotency_key: str | None = None) -> uuid.UUID:
    """
    Queue a sync of a catalog and return its run; if one waits or runs already, that one's.

    The same idempotency key gives the same run, finished or not.

    :raises InvalidCatalog: if the catalog is paused. :raises KeyReused: if the key was used for something else.
    """
    gate.require_operator(caller.principal, what="syncing catalogs")
    with transaction.atomic():
        catalog = _lock(name)
        earlier = find_run_of_key(idempotency_key, kind="sync", subject=name) if idempotency_key is not None else None
        if earlier is not None:
            return earlier
        if catalog.state == CatalogState.PAUSED:
            raise InvalidCatalog(f"catalog '{name}' is paused; resume it to sync it")
        active = find_active_run(kind="sync", subject=name)
        if active is not None:
            if idempotency_key is not None:
                keep_run_key(idempotency_key, active, kind="sync", subject=name)
            return active
        if catalog.sync_every_seconds:
            catalog.next_sync_at = clock.now() + timedelta(seconds=catalog.sync_every_seconds)
            catalog.save(update_fields=["next_sync_at"])
        run_uuid = create_run(
            kind="sync", subject=name, requested_by=caller.principal.handle, idempotency_key=idempotency_key
        )
        record(
            caller, [AuditEntry("catalog.sync_requested", "catalog", name, catalog.uuid, after={"run": str(run_uuid)})]
        )
    return run_uuid


def request_due_syncs(*, caller: Caller) -> Sequence[uuid.UUID]:
    """Queue a sync of every active catalog whose time has come."""
    due = Catalog.objects.filter(state=CatalogState.ACTIVE, next_sync_at__lte=clock.now()).values_list(
        "name", flat=True
    )
    return [request_sync(caller=caller, name=name) for name in due[:100]]


def decide_hold(*, caller: Caller, hold_uuid: uuid.UUID, drop: bool) -> uuid.UUID | None:
    """Answer a sync that asked: drop what vanished, by a new run whose id is returned, or keep all. :raises NoSuchHold: if none waits."""
    gate.require_operator(caller.principal, what="deciding about drops")
    with transaction.atomic():
        hold = SyncHold.objects.select_for_update().filter(uuid=hold_uuid, state="waiting").first()
        if hold is None:
            raise NoSuchHold(f"no question {hold_uuid} waits for an answer; it may have been decided or have gone away")
        hold.state = "approved" if drop else "kept"
        hold.decided_at = clock.now()
        hold.decided_by = caller.principal.handle
        hold.save()
        catalog = hold.catalog
        record(
            caller,
            [
                AuditEntry(
                    "catalog.drop_approved" if drop else "catalog.drop_refused",
                    "catalog",
                    catalog.name,
                    catalog.uuid,
                    after={"vanished": hold.vanished, "known": hold.known},
                )
            ],
        )
        return request_sync(caller=caller, name=catalog.name) if drop else None
