"""PostgreSQL, Redis and Celery, behind a proxy that speaks TLS. What it needs and does not find, it names."""

import os

from deploy.settings.base import *  # noqa: F403
from deploy.settings.base import CELERY


def _required(name: str, what: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SystemExit(f"{name} is not set; production needs it: {what}")
    return value


SECRET_KEY = _required("CAIRN_SECRET_KEY", "50 random characters or more, the same on every host")
_required("DATABASE_URL", "postgresql://user:password@host:port/name")
ALLOWED_HOSTS = _required("CAIRN_ALLOWED_HOSTS", "the host names people use, separated by commas").split(",")
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]
CAIRN_OPEN = False
# Nothing is reached that is not named.
CONNECTOR_HOSTS = [host for host in os.environ.get("CAIRN_CONNECTOR_HOSTS", "").split(",") if host]
CELERY = {**CELERY, "broker_url": _required("CELERY_BROKER_URL", "redis://host:port/number")}

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = os.environ.get("CAIRN_TLS", "1") == "1"
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]  # whoever watches it asks it directly
SESSION_COOKIE_SECURE = SECURE_SSL_REDIRECT
CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0

# What `python -m deploy.run` supervises where one host is enough.
CAIRN_HOST = os.environ.get("HOST", "127.0.0.1")
CAIRN_DEMO = os.environ.get("CAIRN_DEMO") == "1"
PROCESSES = ("web", "pump", "beat", "tasks")
