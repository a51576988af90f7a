"""Reports of how trading has fared, and what they are made of.

asking.py     a report is asked for: written down, once for a schedule
making.py     its figures
days.py       its days, as a file has them
rows.py       its trades, as a file has them
summaries.py  it is told to its owner, or sent to who asks
mailing.py    what an e-mail about it has beside the text
telling.py    it in words: subject and text of a message
snapshots.py  what bots have come to, day by day
keeping.py    what is too old goes
"""

from ops.reports.asking import (
    NotYours,
    TooManyReports,
    Wanted,
    ask_for_report,
    give_up_deadly,
    last_period,
    schedule_reports,
    waiting_reports,
)
from ops.reports.days import daily_rows
from ops.reports.keeping import drop_old_analytics
from ops.reports.making import figures_of, make_report
from ops.reports.rows import trade_rows
from ops.reports.snapshots import take_snapshots
from ops.reports.summaries import NoMailbox, send_by_mail
from ops.reports.telling import Message, message_of

__all__ = [
    "Message",
    "NoMailbox",
    "NotYours",
    "TooManyReports",
    "Wanted",
    "ask_for_report",
    "daily_rows",
    "drop_old_analytics",
    "figures_of",
    "give_up_deadly",
    "last_period",
    "make_report",
    "message_of",
    "schedule_reports",
    "send_by_mail",
    "take_snapshots",
    "trade_rows",
    "waiting_reports",
]
