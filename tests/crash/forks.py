"""
`python -m tests.crash.forks`: imports what a process of a crash test needs once, and forks one for each line on its input.

A line is JSON: ``arguments`` of the child, the ``url`` of its database, a ``failpoint`` or none, and a ``folder`` for what it prints. Each is
answered by how it ended, negative for a signal. A fork takes a tenth of a second where a new process takes two.
"""

from __future__ import annotations

import json
import os
import random
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.crash import child

from django.conf import settings  # isort: skip - the child sets Django up
from django.db import connections

from catalog.journal import failpoints
from deploy.settings.base import database_from


def main() -> None:
    """Fork until the input ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        forked = os.fork()
        if forked == 0:
            os._exit(live(**asked))
        print(os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]), flush=True)


def live(arguments: list[str], url: str, failpoint: str, folder: str) -> int:
    """Be the child that is asked for; return what it exits with."""
    for name, stream in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(Path(folder) / name, os.O_WRONLY | os.O_CREAT), stream)
    random.seed()
    os.environ["CAIRN_TEST_DATABASE_URL"] = url
    database: dict[str, Any] = {"default": database_from(url)}
    settings.DATABASES = database
    connections.settings = connections.configure_settings(database)
    connections["default"] = connections.create_connection("default")
    failpoints._armed, _, failpoints._nth = failpoint.partition(":")
    try:
        child.act(*arguments)
    except SystemExit as end:
        print(end, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    main()
