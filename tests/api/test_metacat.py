"""Metacat's door beside what was recorded: types, names, freshness, trust, refusals, and sources that Metacat does not know."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.test import Client

from catalog.api.mds.types import TypeContext, metacat_type
from catalog.api.mds.views.places import _filter_of
from catalog.connectors.base import Context, DatasetRef
from catalog.connectors.hive import HiveConnector
from catalog.services import annotating, catalogs
from deploy.demo.hive import HiveFile
from tests.conftest import refreshed, sync

pytestmark = pytest.mark.django_db


@pytest.fixture
def hive(tmp_path, operator):
    """A metastore with a partitioned table, known as the catalog `hms`."""
    hive = HiveFile(tmp_path / "metastore.db", created=1_790_000_000)
    hive.create_database("logs", "All lines.", "file:/w/logs")
    columns = [("line", "struct<text:string,tags:array<varchar(20)>>", "What was said."), ("n", "tinyint", "")]
    keys = [("day", "date", ""), ("hour", "int", "")]
    hive.create_table(
        "logs", "lines", columns, partition_keys=keys, location="s3a://lake/logs/lines", parameters={"numRows": "3"}
    )
    for day, hour in (("2026-11-01", "0"), ("2026-11-01", "1"), ("2026-11-02", "0")):
        place = f"s3://lake/logs/lines/day={day}/hour={hour}"
        hive.add_partition("logs", "lines", ["day", "hour"], (day, hour), location=place, parameters={"numRows": "1"})
    hive.create_table("logs", "names", [("name", "string", "")], view_text="SELECT 'x' name")
    options = {"database_url": f"sqlite:///{tmp_path}/metastore.db"}
    catalogs.register_catalog(caller=operator, name="hms", platform="hive", options=options, sync_every_seconds=None)
    sync(operator, "hms")
    yield hive
    hive.close()


T = "/mds/v1/catalog/hms/database/logs/table/lines"
P = "/mds/v1/partition/catalog/hms/database/logs/table/lines"


def said(answer):
    """Return a refusal's status and its text."""
    body = answer.json()
    assert body["error"] == body["message"]
    return answer.status_code, body["error"].removeprefix("An error occurred: ")


def test_no_more_names_are_read_than_an_answer_takes_and_any_number_is_counted(api, hive, monkeypatch):
    for day in range(3, 29):
        hive.add_partition("logs", "lines", ["day", "hour"], (f"2026-11-{day:02}", "0"), location=f"s3://lake/l/{day}")
    asked: list[int] = []
    names_of = HiveConnector.partition_names

    def counted(self, ctx, ref, wanted, page=None):
        found = names_of(self, ctx, ref, wanted, page)
        asked.append(len(found.items))
        return found

    monkeypatch.setattr(HiveConnector, "partition_names", counted)
    monkeypatch.setattr("catalog.selectors.partitions.NAMES_A_PAGE", 10)
    keys = f"{P}/keys"
    first = api.get(f"{keys}?offset=1&limit=2").json()
    assert first == ["day=2026-11-01/hour=1", "day=2026-11-02/hour=0"]
    assert sum(asked) == 3
    assert api.get(f"{keys}?sortOrder=DESC&limit=1").json() == ["day=2026-11-28/hour=0"]
    assert api.get(f"{P}/count").json() == 29
    assert api.get(f"{keys}?limit=0").json() == []
    monkeypatch.setattr("catalog.selectors.partitions.MAX_NAMES", 20)
    assert api.get(f"{P}/count").json() == 29
    assert len(api.get(f"{keys}?limit=20").json()) == 20
    status, text = said(api.get(keys))
    assert (status, text) == (400, "there are more than 20 such partitions; give a filter, or a limit")


def test_types_are_in_the_words_of_the_client(api, hive):
    fields = api.get(T).json()["fields"]
    assert fields[0]["type"] == "row(text string,tags array(varchar(20)))"
    assert fields[0]["source_type"] == "struct<text:string,tags:array<varchar(20)>>"
    assert fields[0]["jsonType"] == {
        "type": "row",
        "fields": [
            {"name": "text", "type": "string"},
            {"name": "tags", "type": {"type": "array", "elementType": {"type": "varchar", "length": 20}}},
        ],
    }
    fields = api.get(T, headers={"X-Netflix.data.type.context": "hive"}).json()["fields"]
    assert [field["type"] for field in fields] == [fields[0]["source_type"], "tinyint", "date", "int"]
    # A proxy that makes dashes of dots.
    assert api.get(T, headers={"X-Netflix-data-type-context": "hive"}).json()["fields"] == fields
    assert said(api.get(T, headers={"X-Netflix.data.type.context": "pig"})) == (
        400,
        "there is no type context 'pig'; there are hive and presto",
    )


@pytest.mark.parametrize(
    ("platform", "source_type", "canonical", "own", "in_hive"),
    [
        ("postgresql", "numeric(10,2)", "decimal(10,2)", "decimal(10,2)", "decimal(10,2)"),
        ("postgresql", "timestamp with time zone", "timestamptz", "timestamp with time zone", "timestamp"),
        ("postgresql", "jsonb[]", "list<variant>", "array(json)", "array<string>"),
        ("postgresql", "tsvector", "unknown", "unknown", "string"),
        ("iceberg", "map<string, long>", "map<string,long>", "map(string,bigint)", "map<string,bigint>"),
        ("iceberg", "fixed[16]", "fixed[16]", "varbinary", "binary"),
        ("hive", "decimal", "decimal(10,0)", "decimal(10,0)", "decimal(10,0)"),
        ("hive", "binary", "binary", "varbinary", "binary"),
        (
            "hive",
            "uniontype<int,string>",
            "struct<option_0:int,option_1:string>",
            "row(option_0 int,option_1 string)",
            None,
        ),
        ("hive", "no type <", "unknown", "unknown", "string"),
    ],
)
def test_types_of_every_source_have_a_name(platform, source_type, canonical, own, in_hive):
    assert metacat_type(platform, source_type, canonical, TypeContext.METACAT)[0] == own
    if in_hive is not None:
        assert metacat_type(platform, source_type, canonical, TypeContext.HIVE)[0] == in_hive


def test_a_table_is_as_its_source_has_it_now_or_as_the_catalog_last_saw_it(api, hive):
    hive.add_column("logs", "lines", "added", "string")
    live = api.get(T).json()
    assert [field["name"] for field in live["fields"]] == ["line", "n", "added", "day", "hour"]
    assert live["metadata"]["numRows"] == "3"
    assert live["audit"]["createdDate"] == 1_790_000_000_000
    stored = api.get(f"{T}?freshness=cached")
    assert [field["name"] for field in stored.json()["fields"]] == ["line", "n", "day", "hour"]
    assert stored["Cairn-As-Of"]
    assert stored.json()["serde"] == live["serde"]
    assert stored.json()["partition_keys"] == live["partition_keys"] == ["day", "hour"]
    assert said(api.get(f"{T}?freshness=new"))[0] == 400


def test_what_no_sync_has_seen_yet_is_there_and_what_was_dropped_is_not(api, hive):
    hive.create_table(
        "logs", "fresh", [("x", "int", "")], partition_keys=[("day", "date", "")], location="file:/w/logs/fresh"
    )
    hive.add_partition("logs", "fresh", ["day"], ["2026-11-03"], location="file:/w/logs/fresh/3")
    assert api.get("/mds/v1/catalog/hms/database/logs").json()["tables"] == ["fresh", "lines", "names"]
    fresh = api.get(T.replace("lines", "fresh"))
    assert fresh.json()["definitionMetadata"] is None
    assert api.get(f"{P.replace('lines', 'fresh')}/keys").json() == ["day=2026-11-03"]
    assert api.get(f"{T.replace('lines', 'fresh')}?freshness=cached").status_code == 404
    hive.drop_table("logs", "lines")
    assert said(api.get(T)) == (404, "Unable to locate for hms/logs/lines. Details: TABLE 'hms/logs/lines' not found.")
    assert api.head(T).status_code == 404
    assert api.head(T).content == b""


def test_a_reader_sees_the_new_table_of_a_pattern_and_not_that_of_a_restricted_one(hive, operator, make_user):
    from catalog.access.services import create_grant, create_restriction, create_token

    user = make_user("reader")
    create_grant(caller=operator, role="reader", pattern="hms/**", username="reader")
    create_restriction(caller=operator, pattern="hms/logs/secret_*")
    for name in ("secret_new", "plain_new"):
        hive.create_table("logs", name, [("x", "int", "")], location=f"file:/w/{name}")
    _, token = create_token(caller=operator, user_id=refreshed(user).user_id, name="t", expires_at=None)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert client.get(T.replace("lines", "plain_new")).status_code == 200
    assert client.get(T.replace("lines", "secret_new")).status_code == 200  # granted by name, restriction or not
    other = make_user("other")
    _, token = create_token(caller=operator, user_id=refreshed(other).user_id, name="t", expires_at=None)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert client.get(T.replace("lines", "plain_new")).status_code == 403
    assert client.get(T.replace("lines", "secret_new")).status_code == 404
    assert "secret_new" not in client.get("/mds/v1/catalog/hms/database/logs").json()["tables"]


def test_names_fold_and_an_ambiguous_one_is_asked_back(api, source):
    source.creates("Orders")
    source.sync()
    table = "/mds/v1/catalog/mem/database/db/table/"
    assert api.get(f"{table}ORDERS").json()["name"]["qualifiedName"] == "mem/db/orders"
    source.creates("ORDERS")
    source.sync()
    assert api.get(f"{table}ORDERS").status_code == 200
    status, text = said(api.get(f"{table}orders"))
    assert status == 409
    assert "'mem/db/ORDERS' or 'mem/db/Orders'" in text


def test_partitions_by_names_order_and_details(api, hive):
    def post(what, body, **query):
        address = f"{P}/{what}?" + "&".join(f"{name}={value}" for name, value in query.items())
        return api.post(address, body, content_type="application/json")

    names = ["day=2026-11-02/hour=0", "day=2026-11-01/hour=1", "day=2026-11-09/hour=9", "day=2026-11-01", "", "a/b"]
    assert post("keys-request", {"partitionNames": names}).json() == names[:2]
    assert post("keys-request", {"partitionNames": names, "filter": "hour = 1"}).json() == names[1:2]
    (found,) = post("request", {"filter": "hour = 1", "includePartitionDetails": True}).json()
    assert found["metadata"] == {"numRows": "1"}
    assert found["serde"]["uri"].endswith("day=2026-11-01/hour=1")
    (found,) = post("request", {"filter": "hour = 1", "includeAuditOnly": True}).json()
    assert (found["serde"], found["metadata"]) == (None, None)
    assert len(post("uris-request", {}, limit=2).json()) == 2
    assert api.get(f"{P}/keys?sortBy=dateCreated&sortOrder=desc&limit=1").json() == ["day=2026-11-02/hour=0"]
    assert api.get(f"{P}/count?filter=hour=0").json() == 2
    assert api.get(f"{P}/keys?offset=5").json() == []


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("?filter=week=1", 400, "its partition keys are: day, hour"),
        (f"?filter={'x' * 20_000}", 400, "at most 10000 characters"),
        ("?limit=-1", 400, "'limit' must be a number from 0"),
        ("?limit=9999999999999", 400, "'limit' must be a number from 0"),
        ("?sortOrder=UP", 400, "'sortOrder' must be ASC or DESC"),
        ("?sortBy=size", 400, "'sortBy' must be part_name or dateCreated"),
        ("?includeUserMetadata=perhaps", 400, "must be true or false"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(api, hive, address, status, words):
    found, text = said(api.get(P + address))
    assert found == status
    assert words in text


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"uri": 5}', b'{"uri": " "}', b"{}", b"null"])
def test_bodies_that_are_none_are_refused(api, body):
    assert said(api.post("/mds/v1/resolver", body, content_type="application/json"))[0] == 400


def test_bodies_of_partition_requests_are_checked(api, hive):
    for body in ({"partitionNames": "x"}, {"partitionNames": [1]}, {"filter": 5}):
        assert said(api.post(f"{P}/request", body, content_type="application/json"))[0] == 400


def test_what_changes_is_refused_as_not_supported(api, hive):
    for method, address in (("put", T), ("post", T), ("delete", T), ("post", P), ("post", "/mds/v1/catalog")):
        status, text = said(getattr(api, method)(address))
        assert status == 501
        assert "is not supported here" in text


def test_a_source_that_cannot_be_reached_is_unavailable_and_the_copy_is_still_there(api, hive, tmp_path):
    hive.close()
    (tmp_path / "metastore.db").rename(tmp_path / "away.db")
    assert said(api.get(T))[0] == 400  # the option names a file that is not there
    assert api.get(f"{T}?freshness=cached").status_code == 200


def test_tables_without_partitions_have_none_and_other_sources_cannot_list_them(api, hive, source):
    assert api.get(f"{P.replace('lines', 'names')}/count").json() == 0
    assert api.get(f"{P.replace('lines', 'gone')}/count").status_code == 404
    source.creates("orders")
    source.sync()
    orders = "/mds/v1/partition/catalog/mem/database/db/table/orders"
    assert api.get(f"{orders}/keys").json() == []
    view = api.get(T.replace("lines", "names")).json()
    assert view["view"] == {"viewOriginalText": "SELECT 'x' name", "viewExpandedText": "SELECT 'x' name"}


def test_places_are_found_in_any_spelling(api, hive):
    def at(uri, prefix="false"):
        answer = api.post(f"/mds/v1/resolver?prefixSearch={prefix}", {"uri": uri}, content_type="application/json")
        found = answer.json()
        return [each["qualifiedName"] for each in (*found["tables"], *found["partitions"])]

    assert at("s3://lake/logs/lines/") == ["hms/logs/lines"]
    assert at("s3n://lake/logs/lines/day=2026-11-01/hour=1") == ["hms/logs/lines/day=2026-11-01/hour=1"]
    assert len(at("s3://lake/logs/lines/day=2026-11-01", "true")) == 2
    assert len(at("s3://lake/logs", "true")) == 4
    assert at("s3://lake/log") == at("file:/") == []
    used = "/mds/v1/resolver/isUriUsedMoreThanOnce"
    assert api.post(used, {"uri": "s3://lake/logs/lines"}, content_type="application/json").status_code == 404
    hive.create_table("logs", "twin", [("x", "int", "")], location="s3://lake/logs/lines")
    sync(api.operator, "hms")
    assert api.post(used, {"uri": "s3://lake/logs/lines"}, content_type="application/json").status_code == 204


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("", ""),
        ("day=2026-11-01", "day = '2026-11-01'"),
        ("DAY=a%27b/hour=__HIVE_DEFAULT_PARTITION__", "day = 'a\\'b' and hour is null"),
        ("x/day=1", ""),
    ],
)
def test_a_path_bounds_the_partitions_it_may_mean(path, text):
    assert _filter_of(path, ["day", "hour"]) == text


def test_what_people_said_is_definition_metadata(api, hive, source, make_user):
    owner = make_user("mara")
    key = api.get("/v1/datasets?name=hms/logs/lines").json()["uuid"]
    operator = api.operator
    annotating.set_property(caller=operator, dataset_uuid=key, name="lifecycle", value={"days": 30})
    annotating.set_property(caller=operator, dataset_uuid=key, name="owner", value="nobody's")
    annotating.add_owner(caller=operator, dataset_uuid=key, owner=owner.handle)
    annotating.add_tag(caller=operator, dataset_uuid=key, tag="gold")
    wanted = {"lifecycle": {"days": 30}, "owner": {"userId": "mara"}, "tags": ["gold"]}
    assert api.get(T).json()["definitionMetadata"] == wanted
    listed = "/mds/v1/metadata/definition/list"
    name = {"catalogName": "hms", "databaseName": "logs", "tableName": "lines", "qualifiedName": "hms/logs/lines"}
    assert api.get(f"{listed}?name=HMS/l%25/lin_s&data-property=lifecycle").json() == [
        {"name": name, "definitionMetadata": wanted}
    ]
    for query in ("name=hms/x%25", "data-property=other", "lifetime=true", "type=database", "offset=1", "limit=0"):
        assert api.get(f"{listed}?{query}").json() == [], query
    assert api.get("/mds/v1/metadata/searchByOwners?owner=x&owner=mara").json() == [name]
    assert api.get("/mds/v1/metadata/searchByOwners").status_code == 400
    assert api.get("/mds/v1/tag/search?tag=OL").json() == [name]
    assert api.get("/mds/v1/tag/list?include=gold&exclude=gold").json() == []
    assert api.get("/v1/datasets?name=hms/logs/lines").json()["properties"]["lifecycle"] == {"days": 30}


class TestTrust:
    """Metacat's clients send a name and no token; only addresses that are trusted to may."""

    def ask(self, **headers):
        return Client(headers=headers).get("/mds/v1/catalog")

    def test_nobody_is_trusted_unless_told_so(self, make_user):
        make_user("spark")
        assert said(self.ask(**{"X-Netflix.user.name": "spark"}))[0] == 401

    def test_a_trusted_address_names_its_user(self, settings, make_user, hive):
        settings.METACAT_TRUSTED_ADDRESSES = [ip_network("127.0.0.0/8")]
        make_user("spark")
        make_user("metacat")
        for headers in ({"X-Netflix.user.name": "spark"}, {"X-Netflix-user-name": "spark"}, {}):
            assert self.ask(**headers).status_code == 200
        assert self.ask(**{"X-Netflix.user.name": "who"}).status_code == 401
        # The name counts at this door only, and a token that is sent counts more than a name.
        assert Client(headers={"X-Netflix.user.name": "spark"}).get("/v1/datasets").status_code == 401
        assert self.ask(**{"X-Netflix.user.name": "spark", "Authorization": "Bearer no"}).status_code == 401

    def test_other_addresses_are_not(self, settings, make_user):
        settings.METACAT_TRUSTED_ADDRESSES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
        make_user("spark")
        assert self.ask(**{"X-Netflix.user.name": "spark"}).status_code == 401


def test_the_source_s_words_are_live_only(hive, tmp_path):

    connector = HiveConnector(database_url=f"sqlite:///{tmp_path}/metastore.db")
    (answer,) = connector.load(Context.within(5), [DatasetRef("logs", "lines")])
    assert answer.parameters["numRows"] == "3"
    assert "numRows" not in answer.document.properties
