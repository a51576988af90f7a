"""What our processes say: one JSON object a line, with the ids of the work that it is about, and no secret.

setup.py        the configuration of `logging`, for settings.LOGGING and for processes without Django
context.py      the ids of what is worked on: request, user, task, bot, account, order
lines.py        a record becomes a line
reading.py      a line is read again
values.py       what may stand in it
library.py      structlog, without what only a terminal needs
errors.py       an exception in a line
handlers.py     where lines go: stdout, which never makes us wait for long, and files that several processes share
files.py        the old ones of these files, compressed and dropped
verbose.py      DEBUG for some apps, for a while
gunicorn_log.py gunicorn's own lines

Modules go on to use `logging.getLogger(__name__)`; what they pass as `extra` become fields of the line.
"""
