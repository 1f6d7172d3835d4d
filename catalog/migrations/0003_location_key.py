from django.db import migrations, models


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
