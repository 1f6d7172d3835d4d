"""Puts the one row of the journal's head there."""

from django.db import migrations


def forwards(apps, schema_editor):
    apps.get_model("journal", "JournalHead").objects.get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("journal", "0001_initial")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
