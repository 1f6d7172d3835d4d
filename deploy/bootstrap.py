"""The first start of a home: the operator's login and token, made once and written where only the owner can read them."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.db.models import Q

from catalog.access.models import ApiToken, User
from catalog.access.principals import Caller, system_principal, token_digest
from catalog.access.services import create_token, create_user
from catalog.journal import clock
from deploy.home import read_credentials, write_private

OPERATOR = "admin"


def ensure_operator(home: Path, url: str, known_token: str | None) -> dict[str, str]:
    """
    Return the credentials of this home, making the operator and a token at the first start; ``known_token`` is accepted too.

    A password or token that is no longer good (changed, revoked, of another database) is no longer written down.
    """
    caller = Caller(system_principal("bootstrap"), "bootstrap")
    credentials = read_credentials(home)
    operator = User.objects.filter(is_superuser=True).order_by("pk").first()
    if operator is None:
        password = secrets.token_urlsafe(12)
        operator = create_user(
            caller=caller, username=OPERATOR, password=password, display_name="Administrator", operator=True
        )
        _, token = create_token(caller=caller, user_id=operator.pk, name="first start", expires_at=None)
        credentials = {"user": OPERATOR, "password": password, "token": token}
    else:
        credentials = _still_good(credentials)
    if known_token and not _is_valid(known_token):
        ApiToken.objects.filter(digest=token_digest(known_token)).delete()
        create_token(caller=caller, user_id=operator.pk, name="CAIRN_TOKEN", expires_at=None, secret=known_token)
    credentials["url"] = url
    write_private(home / "credentials", "".join(f"{name}={value}\n" for name, value in sorted(credentials.items())))
    return credentials


def _still_good(credentials: dict[str, str]) -> dict[str, str]:
    good = dict(credentials)
    user = User.objects.filter(username=good.get("user", "")).first()
    if user is None or not user.check_password(good.get("password", "")):
        good.pop("password", None)
    if not _is_valid(good.get("token", "")):
        good.pop("token", None)
    return good


def _is_valid(token: str) -> bool:
    alive = Q(expires_at__isnull=True) | Q(expires_at__gt=clock.now())
    return ApiToken.objects.filter(alive, digest=token_digest(token), revoked_at__isnull=True).exists()
