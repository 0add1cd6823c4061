"""The second wall: docs/adr/0018-row-level-security.md."""

from django.db import migrations, models

from tenants.models.reference_image import keep_band
from tenants.postgresql.walls import raise_walls

_BANDS = [f'dhash_band_{number}' for number in range(4)]


class Migration(migrations.Migration):

    dependencies = [('tenants', '0004_walls')]

    operations = [
        migrations.AlterModelOptions(name='tenant', options={'base_manager_name': 'objects'}),
        *(migrations.RemoveIndex('referenceimage', name) for name in _BANDS),
        *(
            migrations.AddField('referenceimage', name, keep_band(number))
            for number, name in enumerate(_BANDS)
        ),
        *(
            migrations.AddIndex('referenceimage', models.Index(fields=['gallery', name], name=name))
            for name in _BANDS
        ),
        raise_walls('tenants'),
    ]
