import django.db.models.deletion
from django.db import migrations, models

# Once, with the guard of the journal lifted: it adds what the fill's order says already.
FILL_IN = """
ALTER TABLE trades_fill DISABLE TRIGGER trades_fill_append_only;
UPDATE trades_fill f SET position_id = o.position_id FROM trades_order o WHERE o.id = f.order_id;
ALTER TABLE trades_fill ENABLE TRIGGER trades_fill_append_only;
"""


def position(*, null: bool) -> models.ForeignKey:
    return models.ForeignKey(
        "trades.position", null=null, on_delete=django.db.models.deletion.PROTECT, related_name="fills", db_index=False
    )


class Migration(migrations.Migration):
    dependencies = [("trades", "0009_more_events")]
    operations = [
        migrations.AddField("fill", "position", position(null=True)),
        migrations.RunSQL(FILL_IN, migrations.RunSQL.noop),
        migrations.AlterField("fill", "position", position(null=False)),
        migrations.AlterField(
            "fill",
            "account",
            models.ForeignKey(
                "market.exchangeaccount",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="fills",
                db_index=False,
            ),
        ),
        migrations.AddIndex("fill", models.Index(fields=["position", "exchange_trade_id"], name="fill_journal")),
    ]
