"""The admin's pages for files of bots: upload, a preview of what would change, and the import."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from import_export.admin import ImportExportMixin
from import_export.forms import ConfirmImportForm
from import_export.results import Result
from import_export.tmp_storages import BaseStorage
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from bots.admin.files.reading import MOST_BYTES, BotFile, FileRefused
from bots.admin.files.resource import BotResource
from bots.admin.frozen import GOOD_FOR
from bots.models import BotQuerySet
from market.access import sees_all
from market.admin.base import OwnedAdmin

SALT = "bots.admin.files"
MOST_FAULTS = 20  # of a message


class InTheForm(BaseStorage):
    """Between preview and import the file is in the page: no server has to keep it, and none can lose it."""

    def save(self, data: bytes) -> None:
        self.name = signing.dumps(data.decode("latin-1"), salt=SALT, compress=True)

    def read(self) -> bytes:
        """The file. Raises BadSignature."""
        text: str = signing.loads(self.name, salt=SALT, max_age=GOOD_FOR)
        return text.encode("latin-1")

    def remove(self) -> None:
        """There is nothing to remove."""


class BotImportForm(ImportForm):
    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > MOST_BYTES:
            raise ValidationError(f"import_file: {file.size:,} bytes, at most {MOST_BYTES:,} are taken.")
        return file


class BotConfirmForm(ConfirmImportForm):
    """``shown``: the mark of what the preview has shown."""

    format = forms.ChoiceField(choices=[("0", "csv")], widget=forms.HiddenInput)
    shown = forms.CharField(widget=forms.HiddenInput)


@admin.action(description="Export as CSV", permissions=["view"])
def export(model_admin: "FilesAdmin", request: HttpRequest, bots: BotQuerySet) -> HttpResponse:
    """The chosen bots as a file."""
    answer: HttpResponse = model_admin._do_file_export(BotFile(), request, bots)
    return answer


class FilesAdmin(ImportExportMixin, OwnedAdmin):
    """Export of what the list shows, and of what is chosen; import with a preview, all of a file or nothing of it."""

    resource_classes = [BotResource]
    formats = import_formats = export_formats = [BotFile]
    import_form_class = BotImportForm
    confirm_form_class = BotConfirmForm
    export_form_class = ExportForm
    skip_export_form = True
    tmp_storage_class = InTheForm
    import_export_change_list_template = "admin/bots/change_list.html"

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and self.has_change_permission(request)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_export_filename(self, request: HttpRequest, queryset: Any, file_format: Any) -> str:
        return f"bots-{timezone.now():%Y-%m-%d}.csv"

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form")
        shown = form.cleaned_data.get("shown", "") if form is not None and form.is_bound and form.is_valid() else ""
        return {"user": request.user, "sees_all": sees_all(request.user), "shown": shown}

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        return {"rollback_on_validation_errors": True}

    def get_export_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {}

    def add_data_read_fail_error_to_form(self, form: forms.Form, e: Exception) -> None:
        if not isinstance(e, FileRefused):
            raise e
        form.add_error("import_file", f"{e}.")

    def choose_import_resource_class(self, form: forms.Form, request: HttpRequest) -> type[BotResource]:
        return BotResource

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Upload and preview; the preview is marked."""
        answer: Any = super().import_action(request, **kwargs)
        confirm = answer.context_data.get("confirm_form")
        if confirm:
            confirm.initial["shown"] = answer.context_data["result"].mark
        page: HttpResponse = answer
        return page

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            answer: HttpResponse = super().process_import(request, **kwargs)
        except (signing.BadSignature, FileRefused):
            return self._again(request, "This is not the file that was shown, or it was too long ago: upload it again.")
        return answer

    def process_result(self, result: Result, request: HttpRequest) -> HttpResponse:
        """Say what was done; or, where a bot was changed between preview and import, that nothing was."""
        told = [str(error.error) for error in result.base_errors]
        told += [fault for row in result.invalid_rows for fault in row.error.messages]
        if told or result.has_errors():
            return self._again(request, f"Nothing is imported: {'; '.join(told[:MOST_FAULTS])}")
        answer: HttpResponse = super().process_result(result, request)
        return answer

    def add_success_message(self, result: Result, request: HttpRequest) -> None:
        counts = {name: result.totals[name] for name in ("new", "update", "skip")}
        text = "Bots imported: {new} new, {update} changed, {skip} unchanged."
        self.message_user(request, text.format(**counts), messages.SUCCESS)

    def _again(self, request: HttpRequest, told: str) -> HttpResponse:
        self.message_user(request, told, messages.ERROR)
        return HttpResponseRedirect(reverse("admin:bots_botconfig_import"))
