"""The one-command stack: PostgreSQL, Redis, paper exchange, web, workers, beat and stream under one supervisor.

No module of this package imports Django: it decides the environment that Django's settings are read from.
`__main__` is the command line (up, down, reset, status, run), `for_commands` the hook of manage.py.
"""
