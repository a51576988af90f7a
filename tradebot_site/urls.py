"""All addresses of the site. Probes of `/health` are answered before these, by `ops.health.probes`."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from bots.api.signals import SignalView
from tradebot_site import runbook
from tradebot_site.dashboard import fragment
from tradebot_site.ready import ready
from tradebot_site.renewal import renew
from tradebot_site.second_factor import set_up
from tradebot_site.switches import banner
from trades.admin.press import kill_switch_page

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/second-factor/", set_up, name="second-factor"),
    path("admin/second-factor/<slug:what>/", renew, name="second-factor-renewal"),
    path("admin/dashboard/<slug:name>/", fragment, name="dashboard-fragment"),
    path("admin/kill-switch/", kill_switch_page, name="kill-switch-page"),
    path("admin/kill-switch/banner/", banner, name="kill-switch-banner"),
    path("admin/runbook/", admin.site.admin_view(runbook.page), name="runbook"),
    path("admin/", admin.site.urls),
    path("health/ready", ready, name="ready"),
    path("api/", include("tradebot_site.api.urls")),
    path("hooks/v1/bots/<slug:public_id>/signal", SignalView.as_view(), name="signal-hook"),
]

handler400 = "tradebot_site.api.errors.bad_request"
handler403 = "tradebot_site.api.errors.permission_denied"
handler404 = "tradebot_site.api.errors.page_not_found"
handler500 = "tradebot_site.api.errors.server_error"
