"""The default: everything in one folder on one machine, no server but Cairn's own two processes."""

import ipaddress
import os

from deploy.home import secret_key
from deploy.settings.base import *  # noqa: F403
from deploy.settings.base import CAIRN_HOME, CELERY

CAIRN_HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
SECRET_KEY = secret_key(CAIRN_HOME)

CAIRN_HOST = os.environ.get("HOST", "127.0.0.1")
CAIRN_OPEN = os.environ.get("CAIRN_OPEN") == "1"
"""Nobody has to sign in: every visitor is the operator. Only on loopback."""

if CAIRN_OPEN and CAIRN_HOST != "localhost" and not ipaddress.ip_address(CAIRN_HOST).is_loopback:
    raise SystemExit(
        f"CAIRN_OPEN=1 lets everybody in, so Cairn refuses to listen on {CAIRN_HOST}; unset one of the two"
    )

CAIRN_DEMO = os.environ.get("CAIRN_DEMO") != "0"
PROCESSES = ("web", "worker")
_OWN = f"[{CAIRN_HOST}]" if ":" in CAIRN_HOST else CAIRN_HOST
_OTHERS = filter(None, os.environ.get("CAIRN_ALLOWED_HOSTS", "").split(","))
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", _OWN, *_OTHERS]
CELERY = {**CELERY, "broker_url": "memory://localhost/", "broker_transport_options": {"polling_interval": 0.05}}
STATIC_ROOT = CAIRN_HOME / "static"
