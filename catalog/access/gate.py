"""The gate: the one place that says what a principal may know and do; every door, search and feed asks here."""

from __future__ import annotations

from django.db.models import Q

from catalog.access.models import Role
from catalog.access.principals import ROLES, Principal

DISCOVER = Role.DISCOVERER.value
"""Know that it exists, its name, owners and description."""
READ = Role.READER.value
"""See its columns, versions, tags and facts."""
EDIT = Role.EDITOR.value
"""Write descriptions, tags and owners."""
STEWARD = Role.STEWARD.value
"""Accept what was inferred, merge, certify."""
ADMIN = Role.ADMIN.value
"""Change and drop definitions, sync and configure the catalog."""


class Denied(PermissionError):
    """The principal may know the thing but not do this to it; the message says which role would allow it."""


class NotSignedIn(PermissionError):
    """Nobody is signed in, or the token is unknown, expired or revoked."""


def classes_for(principal: Principal, role: str) -> frozenset[int] | None:
    """Return the access classes that a role of the principal reaches; None means all."""
    if principal.classes is None:
        return None
    return principal.classes.get(role, frozenset())


def may(principal: Principal, role: str, access_class_id: int) -> bool:
    """Return whether the principal has a role on datasets of a class."""
    classes = classes_for(principal, role)
    return classes is None or access_class_id in classes


def may_anywhere(principal: Principal, role: str) -> bool:
    """Return whether the principal has a role on any datasets at all."""
    classes = classes_for(principal, role)
    return classes is None or bool(classes)


def condition(principal: Principal, role: str, field: str = "access_class") -> Q:
    """Return the filter that leaves the rows on which the principal has a role."""
    classes = classes_for(principal, role)
    return Q() if classes is None else Q(**{f"{field}_id__in": classes})


def require(principal: Principal, role: str, access_class_id: int, *, what: str) -> None:
    """:raises Denied: unless the principal has the role. Call it only for what the principal may know of."""
    if not may(principal, role, access_class_id):
        held = [name for name in ROLES if may(principal, name, access_class_id)]
        raise Denied(
            f"{what} needs the role '{role}' here; {principal.handle} has "
            f"{repr(held[-1]) if held else 'none'}. Ask an owner or an administrator"
        )


def require_operator(principal: Principal, *, what: str) -> None:
    """:raises Denied: unless the principal operates the installation."""
    if not principal.is_operator:
        raise Denied(f"{what} is for operators of this installation; {principal.handle} is none")
