"""The whole of it on its servers: what people and engines do from outside, and what must survive the death of a process."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
import uuid
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.conftest import ELASTICSEARCH_URL, HIVE_POSTGRES_URI, ICEBERG_REST_URI
from tests.e2e.conftest import database, eventually
from tests.e2e.flow import a_table_goes_all_the_way
from tests.homes import ROOT

pytestmark = [pytest.mark.server("stack"), pytest.mark.server("spark"), pytest.mark.slow]


def test_all_its_parts_are_processes_of_their_own_and_well(stack):
    assert len(stack.processes("granian")) >= 3  # the server and two workers
    assert len(stack.processes("deploy.pumping")) == 1
    assert len(stack.processes("beat -l")) == 1
    assert len(stack.processes("worker -l")) >= 3  # the worker and its pool of two
    eventually(lambda: set(stack.ask("/readyz")["parts"].values()) == {"ok"}, seconds=90, what="a whole stack")


def test_the_demo_and_what_spark_wrote_are_found(stack):
    eventually(lambda: stack.hits("customer email")[:1] == ["accounts/main/customers"], what="the index")
    assert "batch/nightly/app_stability" in stack.hits("crashes platform:hive")
    stable = stack.find("batch/nightly/app_stability")
    assert (stable["owners"], stable["tags"]) == (["team:playback-data"], ["certified"])
    minutes = stack.find("batch/nightly/title_minutes")
    assert [column["name"] for column in minutes["columns"]] == [
        *("title_id", "plays", "minutes", "completion_rate", "day"),
    ]
    days = stack.ask(f"/v1/datasets/{minutes['uuid']}/partitions?filter=day>='2026-01-01'&limit=3")["items"]
    assert len(days) == 3
    features = stack.find("features/ranking/title_features")
    snapshots = stack.ask(f"/v1/datasets/{features['uuid']}/snapshots")
    assert {"main", "experiments", "first-training"} <= {ref["name"] for ref in snapshots["refs"]}


def test_elasticsearch_holds_every_dataset(stack):
    def counts():
        with urllib.request.urlopen(f"{ELASTICSEARCH_URL}/cairn-stack-*/_count", timeout=10) as answer:
            indexed = int(re.search(rb'"count":(\d+)', answer.read())[1])
        request = urllib.request.Request(f"{stack.url}/metrics")
        request.add_header("Authorization", f"Bearer {stack.credentials['token']}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            metrics = answer.read().decode()
        live = int(float(re.search(r'^cairn_datasets\{state="live"\} (\S+)', metrics, re.MULTILINE)[1]))
        return indexed == live >= 66

    eventually(counts, what="an index as full as the database")


def test_the_pipelines_lineage_is_in_neo4j_and_walked_there(stack):
    def followed():
        mart = stack.find("analytics/marts/device_share")
        address = f"/v1/datasets/{mart['uuid']}/lineage?direction=upstream&depth=5&column=country_code"
        graph = stack.ask(address)
        names = [(node["qualified_name"], node["column"]) for node in graph["nodes"]]
        return graph["answered_by"] == "graph" and names == [
            ("analytics/marts/device_share", "country_code"),
            ("analytics/staging/stg_sessions", "country_code"),
            ("lake/playback/sessions", "country_code"),
            ("lake/events/play_events", "geo.country_code"),
        ]

    eventually(followed, seconds=120, what="lineage by column, from Neo4j")


def test_a_run_that_openlineages_client_reports_is_in_the_graph(stack):
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
    from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport

    token = ApiKeyTokenProvider({"apiKey": stack.credentials["token"]})
    client = OpenLineageClient(transport=HttpTransport(HttpConfig(url=stack.url, auth=token)))
    name = f"report_{os.getpid()}"
    for state in (RunState.START, RunState.COMPLETE):
        client.emit(
            RunEvent(
                eventTime=datetime.now(UTC).isoformat(),
                run=Run(str(uuid.uuid4())),
                job=Job("e2e", name),
                producer="https://example.com/e2e",
                eventType=state,
                inputs=[InputDataset("iceberg://lake", "content.people")],
                outputs=[OutputDataset("kafka://broker:9092", name)],
            )
        )
    client.close()

    def linked():
        people = stack.find("lake/content/people")
        graph = stack.ask(f"/v1/datasets/{people['uuid']}/lineage?direction=downstream&depth=1")
        return name in {node["name"] for node in graph["nodes"]}

    eventually(linked, what="the run that was reported")


def test_confluents_client_and_serializers_work_against_many_processes(stack):
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
    from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    topic = f"e2e-{os.getpid()}"
    text = '{"type": "record", "name": "Row", "fields": [{"name": "id", "type": "long"}]}'
    token = stack.credentials["token"]
    with SchemaRegistryClient({"url": f"{stack.url}/registry", "basic.auth.user.info": f"e2e:{token}"}) as registry:
        told = SerializationContext(topic, MessageField.VALUE)
        sent = AvroSerializer(registry, text)({"id": 7}, told)
        registry.clear_caches()
        assert AvroDeserializer(registry)(sent, told) == {"id": 7}
        assert registry.register_schema(f"{topic}-value", Schema(text, "AVRO")) == int.from_bytes(sent[1:5], "big")
        assert not registry.test_compatibility(f"{topic}-value", Schema(text.replace("long", "string"), "AVRO"))
        registry.delete_subject(f"{topic}-value")
        assert registry.delete_subject(f"{topic}-value", permanent=True) == [1]
        assert {"play-events.v3-value", "invoices-value"} <= set(registry.get_subjects())


def test_metacats_door_reads_what_spark_wrote_from_the_metastore(stack):
    table = stack.ask("/mds/v1/catalog/batch/database/nightly/table/title_minutes")
    assert [field["name"] for field in table["fields"]] == ["title_id", "plays", "minutes", "completion_rate", "day"]
    assert table["fields"][-1]["partition_key"] is True
    kept = stack.ask(
        "/mds/v1/partition/catalog/batch/database/nightly/table/title_minutes?filter=day>'2026-01-01'&limit=2"
    )
    assert len(kept) == 2
    assert kept[0]["name"]["partitionName"].startswith("day=")


@pytest.mark.parametrize(
    ("platform", "uri", "catalog", "using"),
    [("hive", HIVE_POSTGRES_URI, "spark_catalog", "PARQUET"), ("iceberg", ICEBERG_REST_URI, "ice", "ICEBERG")],
)
def test_what_spark_does_goes_all_the_way(stack, spark, platform, uri, catalog, using):
    name, place = f"{database()}_{platform}", f"{catalog}.{database()}"
    spark.does(f"CREATE TABLE {place}.orders (id BIGINT, total DECIMAL(10,2)) USING {using}")
    # Nobody asks for the first sync: beat finds it due.
    stack.connects(name, platform, {"uri": uri}, database_patterns=[database()], drop_limit_ratio=1.0)
    try:
        made = eventually(lambda: stack.find(f"{name}/{database()}/orders"), what="the table")
        stack.ask(f"/v1/datasets/{made['uuid']}/tags/gold", method="PUT")
        spark.does(f"ALTER TABLE {place}.orders ADD COLUMNS (note STRING)")
        spark.does(f"ALTER TABLE {place}.orders RENAME TO {database()}.purchases")
        stack.syncs(name)
        renamed = stack.find(f"{name}/{database()}/purchases")
        assert (renamed["uuid"], renamed["tags"], renamed["schema_version"]) == (made["uuid"], ["gold"], 2)
        assert [column["name"] for column in renamed["columns"]] == ["id", "total", "note"]
        eventually(
            lambda: f"{name}/{database()}/purchases" in stack.hits(f"purchases catalog:{name}"), what="the new name"
        )
        subject = f"/registry/subjects/:.tables:{name}/{database()}/purchases/versions"
        eventually(lambda: stack.versions(subject) == [1, 2], what="the table as a subject under its new name")
        spark.does(f"DROP TABLE {place}.purchases")
        stack.syncs(name)
        stack.syncs(name)
        eventually(lambda: stack.hits(f"purchases catalog:{name}") == [], what="the drop")
    finally:
        stack.removes(name)


def test_a_sync_survives_its_workers(stack, tmp_path):
    path = tmp_path / "big.sqlite3"
    with sqlite3.connect(path) as connection:
        for number in range(4_000):
            connection.execute(f"CREATE TABLE t{number} (a INTEGER, b TEXT, c REAL, d TEXT, e TEXT, f TEXT)")
    connection.close()
    name = f"big_{os.getpid()}"
    stack.connects(name, "sqlite", {"path": str(path)}, sync_every_seconds=None)
    try:
        run = stack.ask(f"/v1/catalogs/{name}/syncs", {})["run"]
        eventually(lambda: stack.ask(f"/v1/runs/{run}")["progress"].get("done"), what="a first batch")
        for pid in stack.processes("worker -l"):
            os.kill(pid, signal.SIGKILL)
        ended = eventually(lambda: stack.ended(run), seconds=120, what="the sync")
        assert (ended["state"], ended["attempt"]) == ("done", 2)
        assert stack.ask(f"/v1/catalogs/{name}")["datasets"] == 4_000
        eventually(lambda: f"{name}/main/t3999" in stack.hits(f"t3999 catalog:{name}"))
    finally:
        stack.removes(name)


def test_what_is_said_while_no_pump_runs_is_found_later(stack):
    word = f"quokka{os.getpid()}"
    dataset = stack.find("lake/content/people")
    for pid in stack.processes("deploy.pumping"):
        os.kill(pid, signal.SIGKILL)
    stack.ask(f"/v1/datasets/{dataset['uuid']}/tags/{word}", method="PUT")
    eventually(lambda: stack.hits(f"tag:{word}") == ["lake/content/people"], seconds=120, what="the tag")
    stack.ask(f"/v1/datasets/{dataset['uuid']}/tags/{word}", method="DELETE")


def test_the_command_line_asks_it(stack):
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "show", "batch/nightly/app_stability"],
        cwd=ROOT,
        env={**os.environ, "CAIRN_URL": stack.url, "CAIRN_TOKEN": stack.credentials["token"], "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "os_version" in done.stdout, done.stderr


@pytest.mark.server("chromium")
def test_a_table_that_changes_is_found_versioned_sampled_judged_and_shown(stack, browser, tmp_path):
    a_table_goes_all_the_way(stack, tmp_path, browser)


def test_rows_of_spark_s_iceberg_tables_are_looked_into(stack):
    features = stack.find("features/ranking/title_features")

    wanted = {column["path"] for column in features["columns"]}

    def looked_into():
        profile = stack.ask(f"/v1/datasets/{features['uuid']}/quality")["profile"]
        # Spark added a column after the first scan; another follows that.
        return profile if profile and {column["path"] for column in profile["columns"]} == wanted else None

    profile = eventually(looked_into, seconds=90, what="the profile of an Iceberg table behind REST")
    assert profile["rows"] > 0


@pytest.mark.server("chromium")
def test_an_analyst_signs_in_and_finds_a_table_of_sparks(stack, browser):
    page = browser.new_page()
    page.goto(f"{stack.url}/search?q=minutes+by+title")
    page.get_by_label("User").fill(stack.credentials["user"])
    page.get_by_label("Password").fill(stack.credentials["password"])
    page.keyboard.press("Enter")
    page.get_by_role("link", name="title_minutes").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("title_minutes")
    page.get_by_role("link", name="Partitions").click()
    expect(page.get_by_text("day=", exact=False).first).to_be_visible()
    page.close()
