from django.db import migrations, models

# The audit log is written once. Its rows go with a closed shop's (retrieval.tenants), and in no other way.
APPEND_ONLY = """
CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM FROM tenants_tenant WHERE id = OLD.tenant_id AND deleted_at IS NOT NULL;
        IF FOUND THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON tenants_auditevent
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON tenants_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit();
"""
CHANGEABLE = """
DROP TRIGGER audit_is_not_emptied ON tenants_auditevent;
DROP TRIGGER audit_is_append_only ON tenants_auditevent;
DROP FUNCTION refuse_change_of_audit();
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0005_row_level_security")]

    operations = [
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["tenant", "object_id", "-id"], name="audit_of_object"),
        ),
        migrations.RunSQL(APPEND_ONLY, CHANGEABLE),
    ]
