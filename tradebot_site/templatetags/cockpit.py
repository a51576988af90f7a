"""What stands on every page."""

from typing import Any

from django import template

register = template.Library()


@register.inclusion_tag("admin/kill_switches.html", takes_context=True)
def kill_switches(context: dict[str, Any]) -> dict[str, Any]:
    """What is pressed of the platform and of users, as far as one may know it."""
    # Libraries of tags are loaded while unfold is, on which the admin's modules rest.
    from tradebot_site.switches import pressed_switches

    return pressed_switches(context["request"])
