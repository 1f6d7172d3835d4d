"""What a stack has beside the demo: tables that a real Spark makes and changes, in a Hive metastore and in Iceberg's REST catalog."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings

from catalog import selectors
from catalog.access.principals import Caller, system_principal
from catalog.journal.selectors import get_run
from catalog.models import Catalog
from catalog.services import annotating
from catalog.services.catalogs import register_catalog, request_sync
from deploy.demo.spark import Spark, SparkFailed

SQL = Path(__file__).parent / "sql" / "spark"
SYNC_SECONDS = 120


def statements(file: Path, *, warehouse: Path) -> Iterator[str]:
    """Yield the statements of a SQL file; ``{warehouse}`` in it is where the demo's Parquet files are."""
    for statement in file.read_text().split(";\n"):
        if statement.strip():
            yield statement.replace("{warehouse}", str(warehouse))


def add_engines(*, hive: str, iceberg: str, python: str, jar: str) -> None:
    """
    Have Spark make the tables and Cairn read them, once a home; what a crash left half done is done anew.

    The addresses and programs are those of :class:`Spark`. It exits where something fails, with what it was.
    """
    home = Path(settings.CAIRN_HOME)
    mark = home / "demo" / "engines"
    if mark.exists():
        return
    print("stack: Spark writes its tables, once", file=sys.stderr)
    caller = Caller(system_principal("demo"), "demo")
    spark = Spark(python=python, jar=jar, hive=hive, iceberg=iceberg, folder=home / "spark")
    try:
        for name in ("1_nightly.sql", "2_ranking.sql"):
            _run(spark, SQL / name, home)
        if not Catalog.objects.filter(name="batch").exists():
            register_catalog(
                caller=caller,
                name="batch",
                platform="hive",
                options={"uri": hive, "rows_below": f"file:{home}/spark/warehouse"},
                database_patterns=["nightly"],
                allows_sampling=True,
                description="Tables of the nightly Spark jobs.",
            )
            register_catalog(
                caller=caller,
                name="features",
                platform="iceberg",
                options={"uri": iceberg},
                database_patterns=["ranking"],
                allows_sampling=True,
                description="What models learn from.",
            )
        _sync(caller, ("batch", "features"))
        found = selectors.get_dataset_by_name(name="batch/nightly/crash_rates", principal=caller.principal)
        annotating.add_owner(caller=caller, dataset_uuid=found.uuid, owner="team:playback-data")
        annotating.add_tag(caller=caller, dataset_uuid=found.uuid, tag="certified")
        _run(spark, SQL / "3_later.sql", home)
    except SparkFailed as error:
        raise SystemExit(f"Spark: {error}") from error
    finally:
        spark.stop()
    _sync(caller, ("batch", "features"))
    mark.write_text("built\n")


def _run(spark: Spark, file: Path, home: Path) -> None:
    for statement in statements(file, warehouse=home / "demo" / "warehouse"):
        spark.does(statement)


def _sync(caller: Caller, names: Iterable[str]) -> None:
    for run in [request_sync(caller=caller, name=name) for name in names]:
        _wait(run)


def _wait(run_uuid: uuid.UUID) -> None:
    deadline = time.monotonic() + SYNC_SECONDS
    while (run := get_run(run_uuid)).state in ("queued", "running"):
        if time.monotonic() > deadline:
            raise SystemExit(f"the sync of {run.subject} did not end within {SYNC_SECONDS} s; its state is {run.state}")
        time.sleep(0.2)
    if run.state != "done":
        raise SystemExit(f"the sync of {run.subject} ended as {run.state}: {run.error}")
