"""Where channels may lead: what is wrong with an address before anything is sent, and what of it may be shown."""

from ops.notifications.senders import CHECKS, HINTS

MOST_SHOWN = 100  # characters


def channel_faults(kind: str, target: str) -> dict[str, str]:
    """What is wrong, by field; empty when a channel of this kind may lead there. Nothing is sent, no name resolved.

    The texts show no more of an address than its owner may see again.
    """
    if kind not in CHECKS:
        return {"kind": f"{kind[:20]!r} is none of {', '.join(CHECKS)}"}
    try:
        CHECKS[kind](target)
    except ValueError as error:
        return {"target": str(error)}
    return {}


def masked(kind: str, target: str) -> str:
    """Enough of an address without faults to recognise it, never enough to use it."""
    return HINTS[kind](target)[:MOST_SHOWN]
