"""Says when a projection that fails is tried again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("journal", "0002_head"),
    ]

    operations = [
        migrations.AddField(
            model_name="projectioncursor",
            name="retry_at",
            field=models.DateTimeField(null=True),
        ),
    ]
