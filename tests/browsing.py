"""What tests in a browser have in common."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe

SERIOUS = ("serious", "critical")


def serious(page: Any) -> list[tuple[str, list[str]]]:
    """What axe-core finds on a page that keeps people out: rule and elements."""
    found = Axe().run(page).response["violations"]
    return [(item["id"], [node["html"] for node in item["nodes"]]) for item in found if item["impact"] in SERIOUS]
