"""What the lists of failures have in common: how they show texts, moments, and which tasks there are."""

from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from market.admin.base import ReadOnlyAdmin
from market.admin.columns import readable
from market.admin.text import NOTHING
from ops.worker_tasks import worker_tasks

SHOWN = 120  # characters of an error in a list


class ReadableAdmin(ReadOnlyAdmin):
    """Rows in sections, with moments as people read them."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [
            (title, {"fields": readable(self.model, options["fields"], badges=False)})
            for title, options in self.fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [field for _, options in self.get_fieldsets(request, obj) for field in options["fields"]]


def preformatted(text: str) -> SafeString | str:
    """A text with its lines as they are."""
    return format_html('<pre class="tb-pre">{}</pre>', text) if text else NOTHING


def known_tasks(request: HttpRequest) -> list[tuple[str, str]]:
    """The tasks that workers know, as choices; those of the past are found by search."""
    return [(name, name) for name in sorted(worker_tasks()) if not name.startswith("celery.")]
