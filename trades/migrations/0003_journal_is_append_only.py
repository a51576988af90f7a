from django.db import migrations

# Fills and fundings are what every figure is computed from. Whatever code, or person, tries to change one is refused.
FORWARD = """
CREATE FUNCTION trades_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER trades_fill_append_only BEFORE UPDATE OR DELETE ON trades_fill
  FOR EACH ROW EXECUTE FUNCTION trades_refuse_change();
CREATE TRIGGER trades_funding_append_only BEFORE UPDATE OR DELETE ON trades_funding
  FOR EACH ROW EXECUTE FUNCTION trades_refuse_change();
"""
BACKWARD = """
DROP TRIGGER trades_fill_append_only ON trades_fill;
DROP TRIGGER trades_funding_append_only ON trades_funding;
DROP FUNCTION trades_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("trades", "0002_protections_fundings_externals")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
