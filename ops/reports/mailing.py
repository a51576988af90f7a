"""What an e-mail about a report has beside its text: the figures as a table, and a file of its days.

Made when it is sent, from what the report says then. Charts stay on the report's page, to which it leads: mail programs
show no SVG, and run no script.
"""

import csv
import io
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.urls import reverse

from market.access import sees_all
from ops.models import Report
from ops.reports.days import daily_rows
from ops.reports.telling import in_words

MONEY_PLACES = 2


class Enclosure(NamedTuple):
    """HTML for the middle of a mail, and a file; of a year the file has some 40 kB."""

    html: str
    file_name: str
    file: str


def enclosed(report_id: object, reader: User) -> Enclosure | None:
    """What goes along with news of a report; None when it is gone, or not the reader's to see any more."""
    if not isinstance(report_id, int):
        return None
    reports = Report.objects.filter(pk=report_id, status=Report.Status.READY)
    report = reports.select_related("owner", "bot").first()
    if report is None or not may_read(report, reader):
        return None
    return Enclosure(_html(report), f"report-{report.pk}-days.csv", _csv(report))


def may_read(report: Report, reader: User) -> bool:
    return sees_all(reader) or (report.owner_id == reader.pk and not report.of_everybody)


def _html(report: Report) -> str:
    page = reverse("admin:ops_report_change", args=[report.pk])
    told = [
        {
            "name": found["environment"],
            "figures": in_words(found),
            "unit": found["quote_asset"],
            "bots": [
                (title, [_of_bot(row) for row in found[key]]) for title, key in (("Best", "best"), ("Worst", "worst"))
            ],
        }
        for found in report.environments
    ]
    address = f"{settings.SITE_URL}{page}" if settings.SITE_URL else ""
    return render_to_string("reports/message.html", {"report": report, "told": told, "address": address})


def _of_bot(row: dict[str, str]) -> tuple[str, str, str]:
    earned = float(row["pnl"]) + float(row["funding"])
    return row["name"], row["symbol"], f"{earned:,.{MONEY_PLACES}f}"


def _csv(report: Report) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(daily_rows(report))
    return file.getvalue()
