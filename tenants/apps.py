from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Tenants and everything they own: members, keys, galleries, products, photos, regions, embeddings."""

    name = "tenants"
    default_auto_field = "django.db.models.BigAutoField"
