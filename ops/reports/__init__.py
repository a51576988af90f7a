"""Reports of how trading has fared, and what they are made of.

asking.py     a report is asked for: written down, once for a schedule
making.py     its figures
rows.py       what is downloaded
summaries.py  what a schedule has made is told to its owner
telling.py    it in words: subject and text of a message
snapshots.py  what bots have come to, day by day
keeping.py    what is too old goes
"""

from ops.reports.asking import (
    NotYours,
    TooManyReports,
    Wanted,
    ask_for_report,
    last_period,
    schedule_reports,
    waiting_reports,
)
from ops.reports.keeping import drop_old_analytics
from ops.reports.making import figures_of, make_report
from ops.reports.rows import daily_rows, trade_rows
from ops.reports.snapshots import take_snapshots
from ops.reports.telling import Message, message_of

__all__ = [
    "Message",
    "NotYours",
    "TooManyReports",
    "Wanted",
    "ask_for_report",
    "daily_rows",
    "drop_old_analytics",
    "figures_of",
    "last_period",
    "make_report",
    "message_of",
    "schedule_reports",
    "take_snapshots",
    "trade_rows",
    "waiting_reports",
]
