"""Which services of Apprise there are here: those that speak to hosts of their own only, never to one a user chooses.

Apprise knows more than a hundred, and options that read files, load attachments from anywhere or turn off certificates.
So an address has exactly the shape that is spelt out here, without any options, and `apprise_door` lets its service
speak to these hosts alone. Another one is: an entry here, an answer of it in the test.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """One service: what people call it, how its address looks, and to which hosts it speaks."""

    name: str
    module: str  # in apprise.plugins
    plugin: str
    form: str
    shape: re.Pattern[str]
    hosts: re.Pattern[str]


TELEGRAM = "tgram"
SERVICES = {
    TELEGRAM: Service(
        "Telegram",
        *("telegram", "NotifyTelegram", "tgram://BOT_TOKEN/CHAT_ID"),
        re.compile(
            r"tgram://[0-9]{3,20}:[A-Za-z0-9_-]{30,64}/(?:-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,63})(?::[0-9]{1,12})?/?"
        ),
        re.compile(r"api\.telegram\.org"),
    ),
    "discord": Service(
        "Discord",
        *("discord", "NotifyDiscord", "discord://WEBHOOK_ID/WEBHOOK_TOKEN"),
        re.compile(r"discord://[0-9]{5,30}/[A-Za-z0-9_-]{20,120}/?"),
        re.compile(r"discord\.com"),
    ),
    "slack": Service(
        "Slack",
        *("slack", "NotifySlack", "slack://T…/B…/… (the three parts of https://hooks.slack.com/services/T…/B…/…)"),
        re.compile(r"slack://[A-Z0-9]{5,20}/[A-Z0-9]{5,20}/[A-Za-z0-9]{16,40}/?"),
        re.compile(r"hooks\.slack\.com"),
    ),
    "gchat": Service(
        "Google Chat",
        *("google_chat", "NotifyGoogleChat", "gchat://SPACE/KEY/TOKEN"),
        re.compile(r"gchat://[A-Za-z0-9_-]{5,40}/[A-Za-z0-9_-]{20,80}/(?:[A-Za-z0-9_=-]|%3D){20,120}/?"),
        re.compile(r"chat\.googleapis\.com"),
    ),
    "workflows": Service(
        "Microsoft Teams",
        *("workflows", "NotifyWorkflows", "workflows://HOST/WORKFLOW_ID/SIGNATURE, with ?pa=yes for Power Automate"),
        re.compile(
            r"workflows://(?:[a-z0-9-]{1,63}\.){1,6}(?:logic\.azure\.com|api\.powerplatform\.com)(?::443)?"
            r"/[A-Za-z0-9_-]{20,80}/[A-Za-z0-9_-]{20,80}/?(?:\?pa=yes)?"
        ),
        re.compile(r"(?:[a-z0-9-]{1,63}\.){1,6}(?:logic\.azure\.com|api\.powerplatform\.com)"),
    ),
    "pover": Service(
        "Pushover",
        *("pushover", "NotifyPushover", "pover://USER_KEY@APP_TOKEN"),
        re.compile(r"pover://[A-Za-z0-9]{30}@[A-Za-z0-9]{30}/?"),
        re.compile(r"api\.pushover\.net"),
    ),
    "ntfys": Service(
        "ntfy.sh",
        *("ntfy", "NotifyNtfy", "ntfys://TOPIC"),
        re.compile(r"ntfys://[A-Za-z0-9_-]{1,64}/?"),
        re.compile(r"ntfy\.sh"),
    ),
    "pagerduty": Service(
        "PagerDuty",
        *("pagerduty", "NotifyPagerDuty", "pagerduty://INTEGRATION_KEY@API_KEY"),
        re.compile(r"pagerduty://[A-Za-z0-9]{32}@[A-Za-z0-9_+-]{20,40}/?"),
        re.compile(r"events\.pagerduty\.com"),
    ),
}


def service_of(target: str, *, only: str = "") -> Service:
    """The service an address belongs to. Raises ValueError, which shows no more of it than the word before `://`."""
    schema = target.partition("://")[0]
    known = [only] if only else list(SERVICES)
    if schema not in known:
        word = f"{schema!r} is" if "://" in target and re.fullmatch(r"[a-z]{1,20}", schema) else "it begins with"
        raise ValueError(f"{word} none of {', '.join(known)}; {SERVICES[known[0]].form} is an address")
    service = SERVICES[schema]
    if not service.shape.fullmatch(target):
        raise ValueError(f"{schema}://… is not of the form {service.form}; options are not taken")
    return service
