"""Whether the rows of a catalog's source may be read; not, until its owner says so."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0008_counting")]

    operations = [
        migrations.AddField(
            model_name="catalog",
            name="allows_sampling",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
