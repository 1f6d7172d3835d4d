"""Code to copy: the right names for each tool, quoted where they must be, and never more than a name."""

from __future__ import annotations

import ast

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.domain.names import join_namespace
from catalog.domain.snippets import snippets


def body(platform, name="orders", database="shop", columns=("id", "Order", "day"), **more):
    return {
        "platform": platform,
        "name": name,
        "catalog": "cat",
        "database": database,
        "kind": "table",
        "location": None,
        "format": None,
        "columns": [{"name": column, "depth": 0} for column in columns] + [{"name": "part", "depth": 1}],
        **more,
    }


@pytest.mark.parametrize(
    ("given", "tools", "first"),
    [
        (body("postgresql"), ["SQL"], 'SELECT id,\n       "Order",\n       "day"\nFROM shop.orders\nLIMIT 100;'),
        (
            body("sqlite", database="main"),
            ["SQL"],
            'SELECT id,\n       "Order",\n       "day"\nFROM orders\nLIMIT 100;',
        ),
        (body("duckdb", columns=[f"c{n}" for n in range(30)]), ["SQL"], "SELECT *\nFROM shop.orders\nLIMIT 100;"),
        (body("hive", columns=()), ["Hive, Spark SQL, Trino", "PySpark"], "SELECT *\nFROM shop.orders\nLIMIT 100;"),
        (
            body("iceberg", name="a b", database=join_namespace(("x", "y.z")), columns=("id",)),
            ["Spark SQL", "PyIceberg", "PySpark"],
            "SELECT id\nFROM cat.x.`y.z`.`a b`\nLIMIT 100;",
        ),
        (body("memory"), [], None),
    ],
)
def test_each_platform_has_its_tools(given, tools, first):
    found = snippets(given)
    assert [snippet.tool for snippet in found] == tools
    if first is not None:
        assert found[0].text == first


def test_files_of_a_hive_table_are_read_where_they_lie(tmp_path):
    duckdb.sql(f"COPY (SELECT 1 AS id) TO '{tmp_path}/x.parquet'")
    found = snippets(body("hive", format="parquet", location=f"file://{tmp_path}/"))[-1]
    assert found.tool == "DuckDB, its files"
    assert duckdb.sql(found.text.rstrip(";")).fetchall() == [(1,)]


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_any_name_stays_a_name(name, column):
    lines = {snippet.tool: snippet.text for snippet in snippets(body("iceberg", name=name, columns=(column,)))}
    tree = ast.parse(lines["PyIceberg"])
    assert ast.literal_eval(tree.body[1].value.args[0])[-1] == name
    assert isinstance(ast.parse(lines["PySpark"]).body[0], ast.Expr)


@settings(deadline=None, max_examples=50)  # the database opens when it likes
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_quoted_names_are_what_a_database_reads(name):
    connection = duckdb.connect()
    made = name.replace('"', '""')
    connection.execute(f'CREATE SCHEMA shop; CREATE TABLE shop."{made}" ("{made}" INTEGER)')
    (found,) = snippets(body("duckdb", name=name, columns=(name,)))
    assert connection.execute(found.text).fetchall() == []
