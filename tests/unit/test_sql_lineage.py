"""Column lineage of SQL: the cases stand in column_lineage.sql; here is what they are compared with, and hostile input."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.domain import sql
from lineage.domain.sql import (
    ColumnInput,
    StatementLineage,
    UnreadableSql,
    masked_sql,
    query_lineage,
    statements_lineage,
)

TABLES = {
    "orders": ["order_id", "customer_id", "amount", "status", "placed_at"],
    "customers": ["customer_id", "email", "name", "country"],
    "target": ["a", "b", "c"],
    "events": ["id", "geo"],
    "sales.daily": ["day", "country", "total", "loaded_at"],
}


def schemas(names: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], list[str]]:
    found = {}
    for name in names:
        for key in (".".join(name[-2:]).lower(), name[-1].lower()):
            if key in TABLES:
                found[name] = TABLES[key]
                break
    return found


def read(text: str, dialect: str = "postgres") -> list[StatementLineage]:
    return statements_lineage(text, dialect=dialect, schemas=schemas)


def printed(found: StatementLineage) -> list[str]:
    def inputs(parts: Sequence[ColumnInput]) -> str:
        told = [f"{'.'.join(p.table)}.{p.column} {p.subtype}{' MASKED' if p.masking else ''}" for p in parts]
        return ", ".join(told) or "nothing"

    lines = [f"{'.'.join(found.target or ('query',))} <= {', '.join('.'.join(name) for name in found.inputs)}"]
    lines += [f"  {column} <- {inputs(parts)}" for column, parts in found.columns.items()]
    lines += [f"  * <- {inputs(found.indirect)}"] if found.indirect else []
    return [*lines, *(f"  ! {problem}" for problem in found.problems)]


def cases() -> list[tuple[str, str, str, list[str]]]:
    made = []
    for block in (Path(__file__).parent / "column_lineage.sql").read_text().split("\n-- # ")[1:]:
        head, *rest = block.strip().split("\n")
        title, _, dialect = head.rpartition(" | ")
        statement = "\n".join(line for line in rest if not line.startswith("--"))
        made.append((title, dialect, statement, [line[3:] for line in rest if line.startswith("-- ")]))
    return made


@pytest.mark.parametrize(("title", "dialect", "statement", "expected"), cases(), ids=[case[0] for case in cases()])
def test_the_columns_of_a_statement_come_from_where_the_case_says(title, dialect, statement, expected):
    assert [line for found in read(statement, dialect) for line in printed(found)] == expected


def test_the_cases_are_many():
    assert len(cases()) >= 45


def test_a_view_is_one_query_with_no_target():
    found = query_lineage("CREATE VIEW x AS SELECT email FROM customers", dialect="postgres", schemas=schemas)
    assert found.target is None
    assert found.inputs == (("customers",),)
    assert query_lineage("SELECT email FROM customers", dialect="postgres", schemas=schemas).columns == found.columns
    with pytest.raises(UnreadableSql, match="one query"):
        query_lineage("SELECT 1", dialect="postgres", schemas=schemas)


def test_definitions_and_rights_move_no_data():
    assert read("CREATE TABLE x (a int); GRANT SELECT ON x TO bob; ALTER TABLE x ADD COLUMN b int; DROP TABLE x") == []


def test_a_statement_that_is_not_understood_says_so_and_costs_no_other():
    found = read("REPLACE INTO target SELECT 1; INSERT INTO target (a) SELECT email FROM customers", "mysql")
    assert found[0].problems == ("a statement 'REPLACE' is not understood",)
    assert [part.column for part in found[1].columns["a"]] == ["email"]


def test_a_column_that_a_table_does_not_have_is_told_and_the_others_stay():
    (found,) = read("CREATE VIEW v AS SELECT c.email, c.nothing_like_it FROM customers c")
    assert [part.column for part in found.columns["email"]] == ["email"]
    assert found.columns["nothing_like_it"] == ()
    assert found.problems == ("table 'customers' has no column 'nothing_like_it'",)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT email FROM WHERE",
        "SELECT 'top secret",
        "SELECT ((((",
        "not sql at all, 'top secret'",
        "SELECT '" + "top secret" * 30_000 + "'",
        "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
        "SELECT 1;" * 300,
        "SELECT " + "+".join(["email"] * 40_000) + " FROM customers",
    ],
    ids=["half", "open quote", "open", "prose", "long", "deep", "many", "wide"],
)
def test_text_that_cannot_be_read_is_refused_with_the_place_and_without_values(text, caplog):
    with pytest.raises(UnreadableSql) as refused:
        read(text)
    assert "top secret" not in str(refused.value)
    assert len(str(refused.value)) < 200
    assert not caplog.records


def test_an_explosion_of_columns_is_cut_to_tables(monkeypatch):
    monkeypatch.setattr(sql, "MAX_EDGES", 100)
    summed = "+".join(f"{table}.{column}" for table in ("o", "c") for column in ("customer_id",))
    outputs = ", ".join(f"{summed} AS x{number}" for number in range(60))
    (found,) = read(f"CREATE VIEW v AS SELECT {outputs} FROM orders o, customers c")
    assert found.columns == {}
    assert found.inputs == (("orders",), ("customers",))
    assert "more than 100 pairs" in found.problems[0]


def test_a_ladder_of_queries_is_read_once_each():
    """Each step uses the one below twice: paths double with every step, columns do not."""
    steps = ["s0 AS (SELECT amount AS v FROM orders)"]
    steps += [f"s{n} AS (SELECT a.v + b.v AS v FROM s{n - 1} a JOIN s{n - 1} b ON a.v = b.v)" for n in range(1, 60)]
    (found,) = read(f"CREATE VIEW v AS WITH {', '.join(steps)} SELECT v FROM s59")
    assert [(part.column, part.subtype) for part in found.columns["v"]] == [("amount", "TRANSFORMATION")]


WIDE = [f"c{number}" for number in range(2_000)]
LADDER = ", ".join(f"s{n} AS (SELECT a.* FROM s{n - 1} a JOIN s{n - 1} b ON a.c1 = b.c1)" for n in range(1, 60))
HEAVY = {
    "a ladder of stars": f"WITH s0 AS (SELECT * FROM big), {LADDER} SELECT * FROM s59",
    "many wide unions": " UNION ALL ".join(f"SELECT * FROM big{n}" for n in range(100)),
    "stars within stars": "SELECT * FROM " + "(SELECT * FROM " * 60 + "big" + ") x" * 60,
    "a long chain": "SELECT c1 FROM big WHERE " + " AND ".join(f"c{n % 2_000} = {n}" for n in range(8_000)),
    "a long sum": "SELECT " + "||".join(["c1"] * 8_000) + " FROM big",
}


@pytest.mark.parametrize("name", HEAVY)
def test_what_would_take_long_is_left_early(name):
    began = time.process_time()
    try:
        (found,) = statements_lineage(HEAVY[name], dialect="postgres", schemas=lambda names: dict.fromkeys(names, WIDE))
        assert found.columns == {}
        assert "only its tables are kept" in found.problems[0]
    except UnreadableSql as refused:
        assert "nested too deeply" in str(refused)
    assert time.process_time() - began < 5  # they took up to half a minute


def test_shown_sql_holds_no_literal_and_no_comment():
    shown = masked_sql(
        "/* of bob */ SELECT email FROM customers WHERE name = 'bob' AND id = 4711 -- bob", dialect="postgres"
    )
    assert "bob" not in shown
    assert "4711" not in shown
    assert "customers" in shown
    assert "bob" not in masked_sql("SELEC 'bob' FROM FROM", dialect="postgres")


# Each holds 4711 as a value, in one dialect or another.
TELLING = [
    "CALL p('secret-4711')",
    "COPY t FROM 's3://secret-4711' CREDENTIALS 'aws_key=secret-4711'",
    "COPY INTO t FROM 's3://b' CREDENTIALS=(AWS_KEY='secret-4711')",
    "SET x = 'secret-4711'",
    "SET SESSION AUTHORIZATION 'secret-4711'",
    "SELECT $$secret-4711$$",
    "SELECT $tag$secret-4711$tag$",
    "SELECT E'secret-4711', U&'secret-4711', N'secret-4711', X'4711', B'1011', 4711, 47.11, 4711e3, _utf8'secret-4711'",
    "EXECUTE IMMEDIATE 'secret-4711'",
    "COMMENT ON TABLE t IS 'secret-4711'",
    "DO $$ BEGIN PERFORM 'secret-4711'; END $$",
    "CREATE USER bob PASSWORD 'secret-4711'",
    "ALTER USER bob IDENTIFIED BY 'secret-4711'",
    "SELECT DATE '4711-01-01', INTERVAL '4711' DAY",
    "SELECT a->'secret-4711', a->>'$.secret-4711'",
    "SELECT * FROM t WHERE a LIKE '%secret-4711%' ESCAPE 'x' AND b RLIKE 'secret-4711'",
    "SELECT /*+ hint('secret-4711') */ 1",
    "SELECT 1 -- secret-4711\n",
    "INSERT INTO t VALUES ('secret-4711', 4711)",
    "SELECT * FROM VALUES ('secret-4711') AS t(a)",
    "CREATE TABLE t (a int DEFAULT 4711) COMMENT 'secret-4711' TBLPROPERTIES ('k'='secret-4711')",
    "ATTACH 'secret-4711' AS x (TYPE postgres)",
    "CREATE SECRET s (TYPE s3, KEY_ID 'secret-4711')",
    "PRAGMA key='secret-4711'",
    "LOAD DATA INPATH 'secret-4711' INTO TABLE t",
    "CREATE FUNCTION f() RETURNS text AS 'secret-4711' LANGUAGE sql",
    "GRANT SELECT ON t TO 'secret-4711'",
    "USE 'secret-4711'",
    "EXPLAIN SELECT 'secret-4711'",
    "select json_extract(a,'$.secret-4711')",
    "select case when a='secret-4711' then 1 end",
    "MERGE INTO t USING (SELECT 'secret-4711' a) s ON t.a=s.a WHEN MATCHED THEN UPDATE SET a='secret-4711'",
    "SELECT * FROM read_csv('secret-4711')",
    "SELECT * FROM t TABLESAMPLE (4711 ROWS)",
    "DECLARE x INT DEFAULT 4711",
    "BEGIN; SELECT 'secret-4711'; END",
    "SELECT map{'secret-4711': 1}",
    "SELECT {'a': 'secret-4711'}",
    "SELECT TIMESTAMP 'secret-4711' AT TIME ZONE 'secret-4711'",
    "select * from t pivot(sum(x) for y in ('secret-4711'))",
    "SELECT r'secret-4711', b'secret-4711'",
    "EXEC sp 'secret-4711'",
]
DIALECTS = sorted({*sql.DIALECTS.values()})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_value_is_shown_of_any_statement_in_whatever_dialect_it_is_read(dialect):
    for statement in TELLING:
        assert "4711" not in masked_sql(statement, dialect=dialect), statement
        try:
            told = [printed(found) for found in read(statement, dialect)]
        except UnreadableSql as refused:
            told = [[str(refused)]]
        assert "4711" not in str(told), statement


def test_the_library_logs_no_statement(caplog):
    with caplog.at_level(logging.DEBUG):
        read("REPLACE INTO target SELECT 'bob' FROM customers", "mysql")
    assert "bob" not in caplog.text


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "SELECT",
                "FROM",
                "WHERE",
                "JOIN",
                "orders",
                "customers",
                "email",
                "amount",
                "(",
                ")",
                ",",
                "*",
                "=",
                "'x'",
                "WITH",
                "AS",
                "r",
                "UNION",
                "INSERT",
                "INTO",
                "target",
                "GROUP",
                "BY",
                ";",
                "MERGE",
                "USING",
                "ON",
                "WHEN",
                "MATCHED",
                "THEN",
                "UPDATE",
                "SET",
                "CASE",
                "END",
                "OVER",
            ]
        ),
        max_size=25,
    )
)
def test_whatever_the_words_it_answers_or_refuses(words):
    try:
        for found in read(" ".join(words)):
            printed(found)
    except UnreadableSql:
        pass
