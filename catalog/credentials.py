"""Secrets of sources: references that are resolved when a source is opened, or values encrypted at rest."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import orjson
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from catalog.connectors.base import ConnectorSpec, InvalidOptions

REFERENCES = ("env:", "file:")


def _fernet() -> Fernet:
    return _fernet_of(settings.SECRET_KEY)


@functools.lru_cache(maxsize=2)
def _fernet_of(secret_key: str) -> Fernet:
    # Deriving a key is meant to be slow: tens of milliseconds, once a process.
    derived = hashlib.scrypt(secret_key.encode(), salt=b"cairn source credentials", n=2**14, r=8, p=1, dklen=32)
    return Fernet(base64.urlsafe_b64encode(derived))


def is_reference(value: str) -> bool:
    """Return whether a value only says where the secret is: ``env:NAME`` or ``file:/path``."""
    return value.startswith(REFERENCES)


def seal(secrets: Mapping[str, str]) -> bytes:
    """Return secrets encrypted with a key that is derived from the installation's."""
    return _fernet().encrypt(orjson.dumps(dict(secrets))) if secrets else b""


def unseal(sealed: bytes) -> dict[str, str]:
    """Return what :func:`seal` encrypted. :raises InvalidOptions: if the installation's key has changed since."""
    if not sealed:
        return {}
    try:
        opened: dict[str, str] = orjson.loads(_fernet().decrypt(bytes(sealed)))
    except InvalidToken as error:
        raise InvalidOptions(
            "the stored secrets were encrypted with another secret key; give them again or restore the key"
        ) from error
    return opened


def sealed_names(sealed: bytes) -> list[str]:
    """Return the names of sealed options; none where the installation's key has changed since, which using them will say."""
    try:
        return sorted(unseal(sealed))
    except InvalidOptions:
        return []


def resolve(value: str) -> str:
    """Return the secret that a reference names, or the value itself. :raises InvalidOptions: if it is not there."""
    if value.startswith("env:"):
        name = value.removeprefix("env:")
        found = os.environ.get(name)
        if found is None:
            raise InvalidOptions(f"the environment of Cairn's worker has no variable {name}")
        return found
    if value.startswith("file:"):
        path = Path(value.removeprefix("file:"))
        try:
            return path.read_text().strip()
        except OSError as error:
            raise InvalidOptions(f"the secret's file {path} cannot be read by Cairn") from error
    return value


def resolve_options(options: Mapping[str, object], spec: ConnectorSpec) -> dict[str, object]:
    """Return options with the references of secret ones resolved; others are taken as they are, ``file:`` or not."""
    secret = {option.name for option in spec.options if option.secret}
    return {
        name: resolve(value) if name in secret and isinstance(value, str) else value for name, value in options.items()
    }
