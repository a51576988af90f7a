"""What the system tells of itself in figures (docs/metrics.md).

process.py    what is counted as it happens, of tasks, requests, deliveries, failures
errors.py     counts what is logged as an error
requests.py   times what the site answers
state/        how things stand, read when somebody asks
registry.py   what is told at a scrape
door.py       GET /metrics of the site
service.py    how a process that serves no pages begins: it forgets an earlier run, and tells on a port
"""
