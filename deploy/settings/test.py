"""Settings of the test suite: a database of its own, quick password hashes, no files outside temporary folders."""

import os
import tempfile
from pathlib import Path

from deploy.settings.base import *  # noqa: F403
from deploy.settings.base import CELERY, database_from

_folder = Path(tempfile.mkdtemp(prefix="cairn-test-"))
CAIRN_HOME = _folder
STATIC_ROOT = _folder / "static"
STATIC_ROOT.mkdir()
SECRET_KEY = "a key for tests only"  # noqa: S105  it protects nothing
ALLOWED_HOSTS = ["*"]
CAIRN_HOST = "127.0.0.1"
CAIRN_OPEN = False
CAIRN_DEMO = False
PROCESSES = ("web",)
DATABASES = {
    "default": database_from(os.environ.get("CAIRN_TEST_DATABASE_URL") or f"sqlite:///{_folder}/cairn.sqlite3")
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: threads and child processes of a test see the same database.
    DATABASES["default"]["TEST"] = {"NAME": str(_folder / "test.sqlite3")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SEARCH_INDEX = {"BACKEND": "catalog.search.memory.MemoryIndex", "OPTIONS": {}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CELERY = {**CELERY, "broker_url": "memory://localhost/"}
