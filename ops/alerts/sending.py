"""Send what alerts tell from here, whether or not workers, broker and beat live.

Workers may do it, too: a claim in the database makes it once.
"""

import logging
import threading
from datetime import datetime

from django.db import connections
from django.utils import timezone

from market.types import moving
from ops.alerts.updating import KEY
from ops.models import Delivery
from ops.notifications import DeliveryFailed, deliver

logger = logging.getLogger(__name__)

AT_ONCE = 8  # a receiver that hangs holds one of them for some twenty seconds


class Sender:
    """Threads, each with one message."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_work: set[int] = set()

    def send_due(self, *, now: datetime) -> None:
        """Begin to send what is due and nobody sends; returns at once. Raises what the database raises."""
        with self._lock:
            room, at_work = AT_ONCE - len(self._at_work), set(self._at_work)
        if room <= 0:
            return
        waiting = [Delivery.Status.PENDING, Delivery.Status.SENDING]
        due = Delivery.objects.filter(status__in=waiting, next_try_at__lte=now, notification__key__startswith=KEY)
        for number in due.exclude(pk__in=at_work).order_by("next_try_at").values_list("pk", flat=True)[:room]:
            with self._lock:
                self._at_work.add(number)
            threading.Thread(target=self._send, args=(number,), name=f"delivery-{number}", daemon=True).start()

    def _send(self, number: int) -> None:
        try:
            deliver(number, clock=moving(timezone.now()))
        except DeliveryFailed as error:
            logger.warning("delivery %s: failed for good: %s", number, error)
        except Exception as error:  # it stays due, or its claim runs out
            logger.warning("delivery %s: %s", number, type(error).__name__)
        finally:
            connections.close_all()
            with self._lock:
                self._at_work.discard(number)
