"""Chaos of the whole system: real PostgreSQL, Redis, paper exchange, workers and beat, killed while a fleet trades.

stack.py       the processes: those of tests/system, with workers that can be hurt
fleet.py       who trades: accounts and bots (a process of its own, for it needs Django)
load.py        what makes them trade: prices that jump, tasks that are sent
hands.py       orders that people place over HTTP meanwhile
web.py         the web server like production's, with failpoints where those are written down
worker.py      a worker like production's, with failpoints around the steps of the order protocol
failpoints.py  the names of those steps; arming one
plants.py      bugs that can be planted into a worker, to see the harness fail
injuries.py    the deck of what is done to the system, one card a round
ward.py        what an injury can lay hands on
rounds.py      the rounds: injure, let recover, compare
hands_judged.py  what became of the orders by hand; a part of the auditor
auditor.py     compares the two databases (a process of its own, which knows nothing of the project)
recovery.py    how long the system takes to recover, with its real times
"""
