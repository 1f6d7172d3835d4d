"""The schema registry over HTTP: schemas by id beside `/livez`, registering, and Avro compared beside Apache's library."""

from __future__ import annotations

import json
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.http import tell
from benchmarks.measure import TOKEN, Server, cpu_of, memory_of, ms, report

FIELDS = 12
SCHEMAS = 300
ROUNDS = 300


def schema(number: int, fields: int = FIELDS) -> str:
    """Return an Avro record of some nullable fields."""
    kinds = ("string", "long", "double", {"type": "long", "logicalType": "timestamp-millis"})
    parts: list[dict[str, Any]] = [
        {"name": f"field_{n}", "type": ["null", kinds[n % 4]], "default": None} for n in range(fields)
    ]
    return json.dumps({"type": "record", "name": f"Event{number}", "namespace": "bench", "fields": parts})


def measure_registry() -> None:
    """Measure all of it."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "home", CAIRN_DEMO="0")
        try:
            pids = server.web_pids()
            cpu, began = cpu_of(pids), time.perf_counter()
            ids = [_register(server, f"topic-{number}-value", schema(number)) for number in range(SCHEMAS)]
            report(
                "register a schema of 12 fields",
                cpu=ms((cpu_of(pids) - cpu) / SCHEMAS),
                per_second=f"{SCHEMAS / (time.perf_counter() - began):,.0f}",
            )
            cpu = cpu_of(pids)
            for number in range(SCHEMAS):
                _register(server, f"topic-{number}-value", schema(number, FIELDS + 1))
            report("register a version that follows it", cpu=ms((cpu_of(pids) - cpu) / SCHEMAS))
            tell("livez (floor)", server, ["/livez"])
            tell("schema by id", server, [f"/registry/schemas/ids/{each}" for each in ids])
            tell("newest version of a subject", server, ["/registry/subjects/topic-7-value/versions/latest"])
            report("memory of the web process", mib=f"{memory_of(pids):.0f}")
        finally:
            server.stop()
    _measure_avro()


def _register(server: Server, subject: str, text: str) -> int:
    request = urllib.request.Request(
        f"{server.url}/registry/subjects/{subject}/versions",
        json.dumps({"schema": text}).encode(),
        {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/vnd.schemaregistry.v1+json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(json.load(answer)["id"])


def _measure_avro() -> None:
    import avro.schema
    from avro.compatibility import ReaderWriterCompatibilityChecker

    from schema_registry.formats.avro import AvroFormat

    ours, text, later = AvroFormat(), schema(1, 30), schema(1, 31)

    def took(work: Any) -> str:
        began = time.process_time()
        for _ in range(ROUNDS):
            work()
        return ms((time.process_time() - began) / ROUNDS)

    first, second = ours.parse(text, {}), ours.parse(later, {})
    theirs, others = avro.schema.parse(text), avro.schema.parse(later)
    report(
        "Avro of 30 fields read", ours=took(lambda: ours.parse(text, {})), apache=took(lambda: avro.schema.parse(text))
    )
    report(
        "Avro of 30 fields compared",
        ours=took(lambda: ours.incompatibilities(second, first)),
        apache=took(lambda: ReaderWriterCompatibilityChecker().get_compatibility(others, theirs)),
    )
