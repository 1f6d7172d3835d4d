"""Lets everyone who signs in discover every dataset, until an operator says otherwise."""

from django.db import migrations


def forwards(apps, schema_editor):
    apps.get_model("access", "AccessGeneration").objects.get_or_create(pk=1)
    pattern, _ = apps.get_model("access", "NamePattern").objects.get_or_create(pattern="**")
    apps.get_model("access", "Grant").objects.get_or_create(user=None, team=None, role="discoverer", pattern=pattern)


class Migration(migrations.Migration):
    dependencies = [("access", "0001_initial")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
