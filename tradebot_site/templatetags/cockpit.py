"""What stands on every page."""

from typing import Any

from django import template
from django.utils.safestring import SafeString

register = template.Library()


@register.inclusion_tag("admin/kill_switches.html", takes_context=True)
def kill_switches(context: dict[str, Any]) -> dict[str, Any]:
    """What is pressed of the platform and of users, as far as one may know it."""
    # Libraries of tags are loaded while unfold is, on which the admin's modules rest.
    from tradebot_site.switches import pressed_switches

    return pressed_switches(context["request"])


@register.simple_tag
def what_to_do(trouble: str) -> SafeString:
    """A link to the runbook's section about a trouble."""
    from market.admin import runbook

    return runbook.link(trouble)
