"""What can go wrong at the exchange, sorted by what the caller should do."""

from datetime import timedelta


class ExchangeError(Exception):
    """Any bad news from the exchange. ``code`` is the exchange's own, 0 where it gave none."""

    def __init__(self, message: str, *, code: int = 0) -> None:
        super().__init__(f"{message} ({code})" if code else message)
        self.code = code


class OrderRejected(ExchangeError):
    """A clear no: the order does not exist and never will."""


class TriggersAtOnce(OrderRejected):
    """A clear no to a conditional order: the price has passed its trigger already. What it should protect is naked."""


class OutcomeUnknown(ExchangeError):
    """An order, a cancel or a transfer left and no trustworthy answer came back: only asking tells."""


class OrderNotFound(ExchangeError):
    """The exchange says that it knows no such order, or none that is open. Soon after sending this proves nothing."""


class ExchangeUnavailable(ExchangeError):
    """A read failed for a reason that may pass; it has been retried already."""


class RateLimited(ExchangeError):
    """Not executed: be silent for ``retry_after``."""

    def __init__(self, message: str, *, code: int = 0, retry_after: timedelta) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class BudgetSpent(RateLimited):
    """Our own refusal, before anything was sent: this class of work waits for the next minute, more urgent ones go on.

    It says nothing of the account, and is no attempt: the exchange has not seen it.
    """


class PermissionDenied(ExchangeError):
    """The key is wrong, revoked, restricted to other addresses, or not allowed to do this."""


class BadRequest(ExchangeError):
    """A read was refused: the request itself is wrong (an unknown symbol, an illegal parameter)."""


class NotConfigured(ExchangeError):
    """It can't be done as things stand: no key, an environment that is switched off here, or without such a thing."""
