from django.db import migrations

# What the models can't say: a bot trades on an account of its own owner, and its position is on that account and
# symbol. Composite foreign keys keep it true whatever code writes the rows.
FORWARD = """
ALTER TABLE bots_botconfig
  ADD CONSTRAINT bot_account_of_owner
      FOREIGN KEY (account_id, owner_id) REFERENCES market_exchangeaccount (id, owner_id),
  ADD CONSTRAINT bot_position_of_account
      FOREIGN KEY (position_id, account_id, symbol) REFERENCES trades_position (id, account_id, symbol)
"""
BACKWARD = """
ALTER TABLE bots_botconfig DROP CONSTRAINT bot_account_of_owner, DROP CONSTRAINT bot_position_of_account
"""


class Migration(migrations.Migration):
    dependencies = [("bots", "0001_initial"), ("market", "0001_initial"), ("trades", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
