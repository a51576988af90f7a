"""`manage.py db_monitor`: what the database holds, how it is doing, and whether its rows still fit together.

reading.py  one consistent look, which changes nothing and is bounded in time
counts.py   users, accounts with keys, bots, orders, trades
server.py   tables, connections, queries, locks
probes.py   what must never be: each with how many rows show it, and the mend
"""

from ops.monitor.looking import look_at_database

__all__ = ["look_at_database"]
