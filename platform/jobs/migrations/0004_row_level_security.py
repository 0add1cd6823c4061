"""The second wall: docs/adr/0018-row-level-security.md."""

from django.db import migrations

from tenants.postgresql.walls import raise_walls


class Migration(migrations.Migration):

    dependencies = [('jobs', '0003_imports'), ('tenants', '0005_row_level_security')]

    operations = [raise_walls('jobs')]
