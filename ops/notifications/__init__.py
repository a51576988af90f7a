"""What people are told, and by which ways.

distributing.py  turns events, the outbox of all below us, into notifications
topics.py        of which topic an event is, and how severe
wishes.py        who wants what by which channel
writing.py       writes notifications and deliveries once, for these and all other producers
storms.py        makes few messages of many
due.py           finds in the database what is to be sent now
delivering.py    sends one
pauses.py        leaves servers alone that answer nobody
senders/         how each kind of channel sends
channels.py      the channels of people: added, confirmed, changed
counting.py      how much of that, and of codes, there is in a day
asking.py        what a person or their program wants somebody to be told
upkeep.py        drops what is old
"""

from ops.notifications.asking import NotForYou, send_to
from ops.notifications.channels import send_code
from ops.notifications.delivering import DeliveryFailed, deliver
from ops.notifications.distributing import distribute_event, distribute_events
from ops.notifications.due import backlog, take_due
from ops.notifications.upkeep import drop_old_notifications
from ops.notifications.writing import News, notify, notify_operators, write_news

__all__ = [
    "DeliveryFailed",
    "News",
    "NotForYou",
    "backlog",
    "deliver",
    "distribute_event",
    "distribute_events",
    "drop_old_notifications",
    "notify",
    "notify_operators",
    "send_code",
    "send_to",
    "take_due",
    "write_news",
]
