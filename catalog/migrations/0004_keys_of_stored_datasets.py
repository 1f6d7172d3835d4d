import orjson
from django.db import migrations

from catalog.domain.locations import location_key
from catalog.domain.names import lookup_key

ROWS = 500


def fill(apps, schema_editor):
    """Fold all lookup keys, and note where the data of stored datasets lies."""
    datasets = apps.get_model("catalog", "Dataset").objects
    last = 0
    while rows := list(datasets.filter(pk__gt=last).order_by("pk").only("qualified_name", "body")[:ROWS]):
        last = rows[-1].pk
        for row in rows:
            row.lookup_key = lookup_key(row.qualified_name)
            row.location_key = location_key(orjson.loads(bytes(row.body)).get("location")) if row.body else None
        datasets.bulk_update(rows, ["lookup_key", "location_key"])


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0003_location_key"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
