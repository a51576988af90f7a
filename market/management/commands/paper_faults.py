import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from market.exchange.errors import ExchangeError
from market.paper.faults.menu import FAULTS, happens_to, menu
from market.paper.faults.params import REQUIRED, defaults_of, kinds_of
from market.paper.faults.steps import WHEN
from market.paper_admin import ask_paper


class Command(BaseCommand):
    help = "Let the paper exchange misbehave. Faults live in its memory: a restart of it ends them all."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="the menu: every fault with its parameters")
        add = actions.add_parser("add", help="let a fault happen from now on")
        add.add_argument("fault", metavar="FAULT", help="a name from the menu")
        add.add_argument("params", nargs="*", metavar="name=value", help="its parameters")
        add.add_argument("--account", metavar="LABEL_OR_KEY", help="only to this account")
        matches = "only where this matches: method, path, symbol, market, event"
        add.add_argument("--match", action="append", default=[], metavar="name=value", help=matches)
        add.add_argument("--times", help="how often")
        add.add_argument("--seconds", help="for how long")
        add.add_argument("--after", help="leave so many requests alone first")
        add.add_argument("--probability", help="how likely each time, 0 to 1")
        add.add_argument("--seed", help="which of the possible sequences")
        show = actions.add_parser("show", help="what is on the board, and how often it has happened")
        clear = actions.add_parser("clear", help="end one fault, or all")
        clear.add_argument("id", nargs="?", type=int)
        script = actions.add_parser("script", help="run the steps of a JSON file")
        script.add_argument("file", type=Path, metavar="FILE", help="a JSON list of steps; see docs/paper-exchange.md")
        script.add_argument("--parallel", action="store_true", help="all at once, not one after the other")
        script.add_argument("--seed", type=int, default=0)
        for action in (listing, add, show, clear, script):
            action.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        try:
            report = getattr(self, f"_{options['action']}")(**options)
        except ExchangeError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report))
        else:
            for line in _lines(report):
                self.stdout.write(line)

    def _list(self, **_: Any) -> dict[str, Any]:
        return {"menu": menu()}

    def _show(self, **_: Any) -> dict[str, Any]:
        return ask_paper("GET", "/paper/faults")

    def _clear(self, **options: Any) -> dict[str, Any]:
        return ask_paper("DELETE", "/paper/faults", {} if options["id"] is None else {"id": options["id"]})

    def _add(self, **options: Any) -> dict[str, Any]:
        if options["fault"] not in FAULTS:
            raise CommandError(f"there is no fault {options['fault']!r}: see manage.py paper_faults list")
        kinds = kinds_of(FAULTS[options["fault"]])
        given = _pairs(options["params"])
        step: dict[str, Any] = {
            name: kinds[name].from_text(value) if name in kinds else value for name, value in given.items()
        }
        match = _pairs(options["match"]) | ({"account": options["account"]} if options["account"] else {})
        step |= {"fault": options["fault"]} | ({"match": match} if match else {})
        words = {"times": "times", "seconds": "for_seconds", "after": "after_requests"}
        for word in ("times", "seconds", "after", "probability", "seed"):
            if options[word] is not None:
                name = words.get(word, word)
                step[name] = WHEN[name].from_text(options[word])
        return {"faults": [ask_paper("POST", "/paper/faults", step)]}

    def _script(self, **options: Any) -> dict[str, Any]:
        try:
            steps = json.loads(options["file"].read_text())
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['file']}: {error}") from error
        body = {"steps": steps, "in_order": not options["parallel"], "seed": options["seed"]}
        return ask_paper("POST", "/paper/faults/script", body)


def _pairs(words: list[str]) -> dict[str, str]:
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise CommandError(f"{word!r} is not name=value")
        pairs[name] = value
    return pairs


def _lines(report: dict[str, Any]) -> list[str]:
    """A report for people."""
    if "menu" in report:
        return [line for entry in report["menu"] for line in _menu_lines(entry)]
    if "cleared" in report:
        return [f"cleared: {report['cleared']}"]
    return [_rule_line(rule) for rule in report["faults"]] or ["no faults"]


def _menu_lines(entry: dict[str, Any]) -> list[str]:
    params = [f"    {name}: {param['legal']}{_default(param['default'])}" for name, param in entry["params"].items()]
    return [f"{entry['fault']} (happens to {entry['happens_to']})", f"    {entry['does']}", *params]


def _default(value: object) -> str:
    if value == REQUIRED:
        return ", required"
    return "" if value == "" else f", default {value}"


def _rule_line(rule: dict[str, Any]) -> str:
    fault = FAULTS[rule["fault"]]
    defaults = defaults_of(fault)
    params = {name: value for name, value in rule["params"].items() if value != defaults.get(name)}
    bounds = {name: rule[name] for name in ("times", "for_seconds", "after_requests", "probability") if name in rule}
    details = [f"{name}={value}" for part in (rule["match"], params, bounds) for name, value in part.items()]
    lasting = happens_to(fault) == "the market"
    counted = "" if lasting else f"happened {rule['hits']} of {rule['seen']} times"
    return f"{rule['id']:>4}  {rule['state']:8}{rule['fault']:18}{counted:25}{' '.join(details)}".rstrip()
