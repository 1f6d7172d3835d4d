import orjson
from django.db import migrations, models

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
        ("access", "0002_defaults"),
        ("catalog", "0002_source_token"),
    ]

    operations = [
        migrations.AddField(
            model_name="dataset",
            name="location_key",
            field=models.CharField(max_length=500, null=True),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.AddIndex(
            model_name="dataset",
            index=models.Index(
                condition=models.Q(("location_key__isnull", False)),
                fields=["location_key"],
                name="dataset_at_location",
                opclasses=["varchar_pattern_ops"],
            ),
        ),
    ]
