"""What stands on every page."""

from typing import Any

from django import template
from django.utils.safestring import SafeString

from market.logs import verbose

register = template.Library()


@register.inclusion_tag("admin/kill_switches.html", takes_context=True)
def kill_switches(context: dict[str, Any]) -> dict[str, Any]:
    """What is pressed of the platform and of users, as far as one may know it."""
    # Libraries of tags are loaded while unfold is, on which the admin's modules rest.
    from tradebot_site.switches import pressed_switches

    return pressed_switches(context["request"])


@register.inclusion_tag("admin/verbose_logging.html", takes_context=True)
def verbose_logging(context: dict[str, Any]) -> dict[str, Any]:
    """What more this process logs for a while, as all others do. It has looked just now: no query."""
    spoken = verbose.spoken()
    if not spoken or not context["request"].user.has_perm("ops.view_logverbosity"):
        return {}
    return {"apps": ", ".join(sorted(spoken)), "until": f"{max(spoken.values()):%H:%M} UTC"}


@register.simple_tag
def what_to_do(trouble: str) -> SafeString:
    """A link to the runbook's section about a trouble."""
    from market.admin import runbook

    return runbook.link(trouble)
