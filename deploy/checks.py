"""The part of `make doctor` that needs the environment: the home, its port, its database."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings.embedded")


def checks() -> Iterator[tuple[bool, str, str]]:
    """Return (well, what, how to mend it) of each part."""
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor
    from django.db.utils import Error

    from deploy.home import HomeInUse, lock_home
    from deploy.run import is_free

    home, port = settings.CAIRN_HOME, int(os.environ.get("PORT") or 8000)
    running = ""
    try:
        lock_home(home).close()
    except HomeInUse as error:
        running = str(error)
    yield os.access(home, os.W_OK), f"home {home}", f"make it writable: chmod u+rwx {home}"
    if running:
        yield True, running, ""
    else:
        yield is_free(settings.CAIRN_HOST, port), f"port {port} is free", "give another: PORT=8001 make run"
    try:
        executor = MigrationExecutor(connection)
        pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        yield (
            True,
            f"database answers, {pending} migrations wait for the next start" if pending else "database answers",
            "",
        )
    except Error as error:
        yield (
            False,
            f"the database does not answer ({type(error).__name__})",
            "check DATABASE_URL, and that its server runs",
        )


def main() -> int:
    """Print the checks; return 1 if one is not well."""
    bad = 0
    for well, what, mend in checks():
        print(f"{'ok' if well else 'no':4} {what}" + ("" if well else f"\n     mend it: {mend}"))
        bad |= not well
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
