from django.db import migrations, models

# What is booked already is taken as booked in its order; a late fill computes such a position anew from all of its fills.
MARK = """
UPDATE trades_position p
   SET bookmark = jsonb_build_object('newest', f.newest)
  FROM (SELECT o.position_id, max(f.exchange_trade_id) AS newest
          FROM trades_fill f JOIN trades_order o ON o.id = f.order_id GROUP BY o.position_id) f
 WHERE f.position_id = p.id
"""


class Migration(migrations.Migration):
    dependencies = [("trades", "0003_journal_is_append_only")]
    operations = [
        migrations.RemoveField(model_name="fill", name="realized_pnl"),
        migrations.AddField(
            model_name="position",
            name="bookmark",
            field=models.JSONField(
                default=dict,
                editable=False,
                help_text="For booking alone: the newest fill, and the figures before this round, where late fills go in.",
            ),
        ),
        migrations.RunSQL(MARK, migrations.RunSQL.noop),
    ]
