"""docs/runbook.md inside the admin: what to do when something needs somebody, and the links to it."""

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

FILE = settings.BASE_DIR / "docs" / "runbook.md"
SECTION_LEVEL = "h3"


@dataclass(frozen=True)
class Runbook:
    """The page, and its sections: the title of each by its anchor."""

    html: SafeString
    sections: dict[str, str]


@cache
def runbook() -> Runbook:
    """The file, rendered once."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(FILE.read_text())
    sections = {}
    for heading, text in pairwise(tokens):
        if heading.type == "heading_open":
            heading.attrSet("id", _anchor(text))
            if heading.tag == SECTION_LEVEL:
                sections[_anchor(text)] = text.content
    return Runbook(mark_safe(parser.renderer.render(tokens, parser.options, {})), sections)  # noqa: S308 - a file of ours


def section_of(name: str) -> str:
    """The anchor of a kind of event, or of a trouble: "order_unknown" is the section "Order unknown"."""
    return name.replace("_", "-").replace(" ", "-").lower()


def has_section(name: str) -> bool:
    return section_of(name) in runbook().sections


def address(name: str) -> str:
    """Where the runbook speaks of it."""
    return f"{reverse('runbook')}#{section_of(name)}"


def link(name: str) -> SafeString:
    """A link to what is to be done about it."""
    title = runbook().sections.get(section_of(name), "the runbook")
    return format_html('<a class="tb-link" href="{}" aria-label="What to do: {}">what to do</a>', address(name), title)


def _anchor(text: Token) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w-]", "", text.content.lower().replace(" ", "-"))
