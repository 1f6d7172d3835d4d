"""What Spark 3.5 does in Hive and in Iceberg is there after the next sync: versions, identity, and what people said."""

from __future__ import annotations

import json
import os

import pytest

from catalog.models import Dataset, DatasetState, DatasetVersion
from catalog.services import annotating, catalogs
from deploy.demo.spark import Spark
from tests.conftest import HIVE_URI, ICEBERG_REST_URI, SPARK, sync

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.server("spark"),
    pytest.mark.server("hive"),
    pytest.mark.server("iceberg-rest"),
    pytest.mark.slow,
]
DATABASE = f"spark_{os.getpid()}"


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    python, jar = SPARK.split(",")
    folder = tmp_path_factory.mktemp("spark")
    spark = Spark(python=python, jar=jar, hive=HIVE_URI, iceberg=ICEBERG_REST_URI, folder=folder)
    assert spark.version.startswith("3.5.")
    for catalog in ("spark_catalog", "ice"):
        spark.does(f"CREATE DATABASE {catalog}.{DATABASE} COMMENT 'Made by Spark.'")
    yield spark
    for catalog in ("spark_catalog", "ice"):
        for what, name in (("VIEW", "viewName"), ("TABLE", "tableName")):
            for each in spark.does(f"SHOW {what}S IN {catalog}.{DATABASE}"):
                spark.does(f"DROP {what} {catalog}.{DATABASE}.{each[name]}")
        spark.does(f"DROP DATABASE {catalog}.{DATABASE}")
    spark.stop()


class Estate:
    """A catalog over what Spark changes."""

    def __init__(self, spark, operator, platform, uri, catalog, using):
        self.spark = spark
        self.operator = operator
        self.place = f"{catalog}.{DATABASE}"
        self.using = using
        catalogs.register_catalog(
            caller=operator,
            name="made",
            platform=platform,
            options={"uri": uri},
            sync_every_seconds=None,
            drop_limit_ratio=1.0,  # what other tests drop from the same servers is no question to us
        )

    def does(self, statement):
        """Have Spark do something, and sync."""
        self.spark.does(statement.format(at=self.place, using=self.using, database=DATABASE))
        self.sync()

    def sync(self):
        run = sync(self.operator, "made")
        assert run.state == "done", run

    def find(self, name):
        return Dataset.objects.get(qualified_name=f"made/{DATABASE}/{name}", holds_name=True)

    def columns(self, name):
        rows = self.find(name).columns.filter(dropped_at__isnull=True, depth=0).order_by("ordinal")
        return dict(rows.values_list("name", "type"))

    def described(self, name):
        """Return what people said of a dataset."""
        claims = self.find(name).annotations.filter(ended_at__isnull=True)
        return sorted(claims.values_list("aspect", "key"))


@pytest.fixture(params=["hive", "iceberg"])
def estate(request, spark, operator):
    if request.param == "hive":
        return Estate(spark, operator, "hive", HIVE_URI, "spark_catalog", "PARQUET")
    return Estate(spark, operator, "iceberg", ICEBERG_REST_URI, "ice", "ICEBERG")


def versions(dataset):
    return DatasetVersion.objects.filter(dataset=dataset).count()


def test_the_life_of_a_table_under_spark(estate, operator, make_user):
    estate.does(
        "CREATE TABLE {at}.orders (id BIGINT COMMENT 'The order.', item STRUCT<name: STRING, prices: ARRAY<DECIMAL(10,2)>>,"
        " day DATE) USING {using} PARTITIONED BY (day) COMMENT 'One row per order.'"
    )
    made = estate.find("orders")
    assert estate.columns("orders") == {
        "id": "long",
        "item": "struct<name:string,prices:list<decimal(10,2)>>",
        "day": "date",
    }
    assert versions(made) == 1
    owner = make_user("mara")
    annotating.add_owner(caller=operator, dataset_uuid=made.uuid, owner=owner.handle)
    annotating.add_tag(caller=operator, dataset_uuid=made.uuid, tag="gold")
    annotating.describe(caller=operator, dataset_uuid=made.uuid, text="Which order.", column="id")
    said = estate.described("orders")
    assert len(said) == 3

    estate.does("ALTER TABLE {at}.orders ADD COLUMNS (note STRING COMMENT 'Added.')")
    assert estate.columns("orders")["note"] == "string"
    assert versions(made) == 2

    # Data is no definition.
    estate.does(
        "INSERT INTO {at}.orders VALUES (1, NULL, DATE '2026-11-01', 'x')"
        if estate.using == "ICEBERG"
        else "INSERT INTO {at}.orders VALUES (1, NULL, 'x', DATE '2026-11-01')"
    )
    assert versions(made) == 2

    estate.does("ALTER TABLE {at}.orders SET TBLPROPERTIES ('team' = 'shop')")
    assert versions(made) == 3

    estate.does("ALTER TABLE {at}.orders RENAME TO {database}.purchases")
    renamed = estate.find("purchases")
    assert renamed.uuid == made.uuid
    assert estate.described("purchases") == said
    assert not Dataset.objects.filter(qualified_name=f"made/{DATABASE}/orders", state=DatasetState.LIVE).exists()

    # Dropped and made again by another job before anybody looked, with another schema.
    estate.spark.does(f"DROP TABLE {estate.place}.purchases")
    estate.does("CREATE TABLE {at}.purchases (id BIGINT, total DOUBLE) USING {using}")
    again = estate.find("purchases")
    assert again.uuid == made.uuid
    assert again.state == DatasetState.LIVE
    assert estate.columns("purchases") == {"id": "long", "total": "double"}
    assert estate.described("purchases") == said

    # Dropped for good, as two syncs see it, and made once more.
    estate.does("DROP TABLE {at}.purchases")
    estate.sync()
    assert estate.find("purchases").state == DatasetState.TOMBSTONED
    estate.does("CREATE TABLE {at}.purchases (id BIGINT) USING {using}")
    revived = estate.find("purchases")
    assert (revived.uuid, revived.state) == (made.uuid, DatasetState.LIVE)
    assert estate.described("purchases") == said


@pytest.mark.parametrize("estate", ["iceberg"], indirect=True)  # Spark replaces no tables of a Hive metastore
def test_a_table_that_spark_replaces_keeps_what_people_said(estate, operator):
    estate.does("CREATE TABLE {at}.titles (id BIGINT, name STRING) USING {using}")
    made = estate.find("titles")
    annotating.add_tag(caller=operator, dataset_uuid=made.uuid, tag="gold")
    estate.does(
        "CREATE OR REPLACE TABLE {at}.titles (id BIGINT, title STRING, year INT) USING {using} PARTITIONED BY (year)"
    )
    assert estate.find("titles").uuid == made.uuid
    assert estate.columns("titles") == {"id": "long", "title": "string", "year": "int"}
    assert estate.described("titles") == [("tag", "gold")]
    assert versions(made) == 2


def test_views_and_bucketed_and_transformed_tables_are_read(estate):
    estate.does("CREATE TABLE {at}.plays (id BIGINT, at TIMESTAMP) USING {using}")
    if estate.using == "ICEBERG":
        estate.does("ALTER TABLE {at}.plays ADD PARTITION FIELD days(at)")
        estate.does("ALTER TABLE {at}.plays ADD PARTITION FIELD bucket(16, id)")
        body = json.loads(bytes(estate.find("plays").body))
        assert body["partitioning"] == ["day(at)", "bucket(id, 16)"]
    estate.does("CREATE VIEW {at}.plays_view (id COMMENT 'Of the play.') AS SELECT id FROM {at}.plays")
    view = estate.find("plays_view")
    assert view.kind == "view"
    assert estate.columns("plays_view") == {"id": "long"}
    assert "plays" in json.loads(bytes(view.body))["view_text"]
