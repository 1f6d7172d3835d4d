"""What all ways of running share. Each setting that the environment gives is listed in docs/operators.md."""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from csp.constants import NONCE, NONE, SELF

BASE_DIR = Path(__file__).resolve().parent.parent.parent
CAIRN_HOME = Path(os.environ.get("CAIRN_HOME") or BASE_DIR / ".cairn").resolve()

DEBUG = False
ROOT_URLCONF = "deploy.urls"
WSGI_APPLICATION = "deploy.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
AUTH_USER_MODEL = "access.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
APPEND_SLASH = False

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_cotton.apps.SimpleAppConfig",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "graphene_django",
    "csp",
    "catalog.journal",
    "catalog.access",
    "catalog",
    "schema_registry",
    "lineage",
    "detection",
    "policy",
    "deploy",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "deploy.operations.MetricsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "deploy.csp.PagePolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "catalog.access.middleware.PrincipalMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django_cotton.cotton_loader.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "builtins": ["django_cotton.templatetags.cotton"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "catalog.web.context.frame",
            ],
        },
    }
]


def database_from(url: str) -> dict[str, Any]:
    """Return Django's settings for ``sqlite:///path`` or ``postgresql://user:password@host:port/name?option=value``."""
    if url.startswith("sqlite:///"):
        return {
            "ENGINE": "deploy.sqlite3",
            "NAME": url.removeprefix("sqlite:///"),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA cache_size=-16000;",
            },
            "CONN_MAX_AGE": None,
        }
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError(f"DATABASE_URL must begin with sqlite:/// or postgresql://, found {parts.scheme!r}")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": {**dict(parse_qsl(parts.query))},
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": database_from(os.environ.get("DATABASE_URL") or f"sqlite:///{CAIRN_HOME}/cairn.sqlite3")}

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
]

# One name for a platform everywhere: a connector's kind, `--type`, the search facet.
CONNECTORS = {
    "memory": "catalog.connectors.memory.MemoryConnector",
    "sqlite": "catalog.connectors.sqlite.SQLiteConnector",
    "duckdb": "catalog.connectors.duckdb.DuckDBConnector",
    "postgresql": "catalog.connectors.postgresql.PostgreSQLConnector",
    "iceberg": "catalog.connectors.iceberg.IcebergConnector",
    "hive": "catalog.connectors.hive.HiveConnector",
}
SEARCH_INDEX: dict[str, Any] = {
    "BACKEND": "catalog.search.tantivy.TantivyIndex",
    "OPTIONS": {"folder": str(CAIRN_HOME / "search")},
}
if "ELASTICSEARCH_URL" in os.environ:
    SEARCH_INDEX = {
        "BACKEND": "catalog.search.elasticsearch.ElasticsearchIndex",
        "OPTIONS": {
            "url": os.environ["ELASTICSEARCH_URL"],
            "name": os.environ.get("ELASTICSEARCH_INDEX", "cairn-datasets"),
            "api_key": os.environ.get("ELASTICSEARCH_API_KEY", ""),
            "ca_certs": os.environ.get("ELASTICSEARCH_CA_CERTS", ""),
        },
    }
# Pages of other apps that the catalog's lead to. For a dataset: title and the name of an address that takes its name;
# in the rail: title, glyph, and the name of an address.
DATASET_PAGES = [
    ("Lineage", "lineage"),
    ("Quality", "quality"),
    ("Policies", "dataset-policies"),
    ("Subject", "table-subject"),
]
# What runs are called: of a subject, and without one.
RUN_TITLES = {
    "sync": ("Sync of", "Sync"),
    "remove_catalog": ("Removal of", "Removal"),
    "scan": ("Scan of", "Scan"),
    "judge": ("Judging by", "Judging by all policies"),
    "demo_lineage": ("Runs of", "Runs of the demo, reported"),
    "demo_schemas": ("Schemas of", "Schemas of the demo, registered"),
}
RAIL_PAGES = [
    ("Jobs", "lineage", "jobs"),
    ("Schemas", "schema", "subjects"),
    ("Findings", "finding", "findings"),
    ("Checks", "check", "checks"),
    ("Policies", "policy", "policies"),
    ("Violations", "warn", "violations"),
]
# Functions that take a principal and return what needs its attention, for the home page.
ATTENTION = [
    "detection.web.attention.failing_checks",
    "policy.web.attention.open_violations",
    "detection.web.attention.undecided_findings",
]
LINEAGE_GRAPH: dict[str, Any] = {"BACKEND": "lineage.graph.relational.RelationalGraph", "OPTIONS": {}}
if "NEO4J_URL" in os.environ:
    LINEAGE_GRAPH = {
        "BACKEND": "lineage.graph.neo4j.Neo4jGraph",
        "OPTIONS": {
            "url": os.environ["NEO4J_URL"],
            "database": os.environ.get("NEO4J_DATABASE", "neo4j"),
            "prefix": os.environ.get("NEO4J_PREFIX", ""),
        },
    }
SCHEMA_FORMATS = {"AVRO": "schema_registry.formats.avro.AvroFormat"}
"""Formats of schemas by the names that clients call them."""
DETECTORS = [
    "detection.detectors.contact.EmailDetector",
    "detection.detectors.contact.PhoneDetector",
    "detection.detectors.contact.StreetAddressDetector",
    "detection.detectors.people.PersonNameDetector",
    "detection.detectors.people.DateOfBirthDetector",
    "detection.detectors.numbers.IbanDetector",
    "detection.detectors.numbers.CreditCardDetector",
    "detection.detectors.numbers.SecretDetector",
]
SAMPLING: dict[str, Any] = {
    "rows": int(os.environ.get("CAIRN_SAMPLING_ROWS") or 10_000),
    "seconds": 30.0,
    "memory_bytes": 2 << 30,
    "every_seconds": int(os.environ.get("CAIRN_SAMPLING_EVERY") or 86_400),
    "least_seconds": 600,
    "at_once": 2,
}
"""
Of a dataset at most: rows, seconds at its source, memory of the process that reads them; it is scanned every so often, and when its data
changes, no sooner than the least. So many catalogs are scanned at once, each by a process of its own.
"""
RULE_LANGUAGE = "policy.language.cel.CelLanguage"
"""What policies are written in."""
CHANGE_GUARDS: list[str] = ["catalog.guards.protected_definitions"]
"""Dotted paths of functions that may refuse or warn of a change of definition, in order."""

# Hosts that connectors may reach; `*` for any, which suits one's own machine only.
CONNECTOR_HOSTS = [host for host in os.environ.get("CAIRN_CONNECTOR_HOSTS", "*").split(",") if host]

# From where requests to /mds may name their user in Metacat's header instead of sending a token: addresses and networks.
METACAT_TRUSTED_ADDRESSES = [
    ip_network(address.strip())
    for address in os.environ.get("METACAT_TRUSTED_ADDRESSES", "").split(",")
    if address.strip()
]

WEB_WORKERS = int(os.environ.get("CAIRN_WEB_WORKERS") or 1)
TASK_WORKERS = int(os.environ.get("CAIRN_TASK_WORKERS") or 4)
"""Processes that do runs; threads of the one worker when embedded."""

KEEP_DAYS = {
    "journal_entry": 30,
    "journal_run": 90,
    "access_audit": 730,
    "lineage_event": 30,
    "lineage_run": 365,
    "detection_profile": 365,
    "detection_check_result": 365,
    "policy_violation": 365,
}
"""Days that append-only tables are kept; of violations, those that are resolved."""

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["catalog.api.v1.authentication.PrincipalAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["catalog.api.v1.authentication.IsSignedIn"],
    "DEFAULT_RENDERER_CLASSES": ["catalog.api.v1.rendering.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["catalog.api.v1.rendering.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "catalog.api.v1.errors.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Cairn",
    "DESCRIPTION": "One catalog over every datastore: datasets, their schemas, history and owners.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_URLCONF": "deploy.described",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "/static/catalog/favicon.svg",
    "SERVE_PERMISSIONS": ["catalog.api.v1.authentication.IsSignedIn"],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/v1",
    "AUTHENTICATION_WHITELIST": [],
    "APPEND_COMPONENTS": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    "SECURITY": [{"token": []}],
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
}

CONTENT_SECURITY_POLICY = {
    # Datasets are JSON, never rendered; building the policy costs more than answering.
    "EXCLUDE_URL_PREFIXES": ["/v1/datasets/", "/mds/", "/registry/"],
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    },
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "catalog.web.errors.csrf_failed"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

CELERY = {
    "task_acks_late": True,
    "task_ignore_result": True,
    "worker_hijack_root_logger": False,
    "worker_prefetch_multiplier": 1,
    "broker_connection_retry_on_startup": True,
    "task_default_queue": "write",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("CAIRN_LOG_LEVEL", "WARNING")},
    # Refused requests are the client's news, not the operator's.
    "loggers": {"django.request": {"level": "ERROR"}},
}
