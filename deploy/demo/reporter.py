"""Tells Cairn of the runs that made the demo's tables, as any pipeline would: by OpenLineage's own client, over HTTP."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.demo.waiting import end_with_cairn, wait_for
from lineage.domain.sql import statements_lineage

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient

SQL = Path(__file__).parent / "sql"
NAMESPACES = {
    "accounts": "sqlite://accounts",
    "billing": "sqlite://billing",
    "lake": "iceberg://lake",
    "analytics": "duckdb://analytics",
    "warehouse": "hive://warehouse:9083",
}
"""The namespace that each catalog of the demo declares."""
NIGHTS = 7
FAILED = ("analytics.marts.royalty_report", 2)
"""A job and how many nights ago it failed."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A job of the demo: its name, what it runs, the tables it reads and the one it writes."""

    name: str
    sql: str
    reads: Sequence[tuple[str, ...]]
    writes: tuple[str, ...]


def units() -> Iterator[Unit]:
    """Yield what made the demo's derived tables, in the order in which they were made."""
    texts = [f"INSERT INTO lake.playback.sessions {(SQL / 'lake_playback_sessions.sql').read_text()}"]
    for file in sorted(SQL.glob("analytics_*.sql")):
        texts += [text for text in file.read_text().split(";\n") if "CREATE TABLE" in text]
    for file in sorted((SQL / "warehouse").glob("*.sql")):
        texts.append(f"INSERT INTO warehouse.{file.stem} {file.read_text()}")
    for text in texts:
        for found in statements_lineage(text, dialect="duckdb", schemas=lambda names: {}):
            if found.target is not None:
                yield Unit(".".join(found.target), text.strip(), found.inputs, found.target)


def _main(url: str, token: str) -> int:
    """Report the runs of the last nights, and return how many events that were."""
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport

    wait_for(url)
    config = HttpConfig(url=url, auth=ApiKeyTokenProvider({"apiKey": token}))
    client = OpenLineageClient(transport=HttpTransport(config))
    made = list(units())
    tonight = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0)
    if tonight > datetime.now(UTC):
        tonight -= timedelta(days=1)
    for ago in reversed(range(NIGHTS)):
        for at, unit in enumerate(made):
            _report(client, unit, tonight - timedelta(days=ago) + timedelta(minutes=2 * at), ago)
    client.close()
    return NIGHTS * len(made) * 2


def _report(client: OpenLineageClient, unit: Unit, began: datetime, ago: int) -> None:
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import error_message_run, job_type_job, sql_job

    key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"northlight/{unit.name}/{began:%Y-%m-%d}"))
    failed = (unit.name, ago) == FAILED
    job = Job(
        "northlight.nightly",
        unit.name,
        facets={
            "sql": sql_job.SQLJobFacet(query=unit.sql, dialect="duckdb"),
            "jobType": job_type_job.JobTypeJobFacet(processingType="BATCH", integration="SQL", jobType="QUERY"),
        },
    )
    inputs = [InputDataset(*_named(name)) for name in unit.reads]
    outputs = [OutputDataset(*_named(unit.writes))]
    error = error_message_run.ErrorMessageRunFacet("the licences' file had not come", "SQL")
    for state, at in (
        (RunState.START, began),
        (RunState.FAIL if failed else RunState.COMPLETE, began + timedelta(seconds=40)),
    ):
        run = Run(key, facets={"errorMessage": error} if state is RunState.FAIL else {})
        client.emit(
            RunEvent(
                eventTime=at.isoformat(),
                run=run,
                job=job,
                producer="https://northlight.example/nightly",
                eventType=state,
                inputs=inputs,
                outputs=outputs,
            )
        )


def _named(name: tuple[str, ...]) -> tuple[str, str]:
    catalog, *rest = name
    return NAMESPACES[catalog], ".".join(rest)


if __name__ == "__main__":
    end_with_cairn()
    print(_main(sys.argv[1], sys.stdin.read()))
