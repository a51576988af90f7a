"""Whether all parts of the system do their work, and what to do about those that do not.

findings.py  what a look at one thing showed
checks/      the looks: a registry, one file for each kind of thing
examining.py looks at everything, or at what readiness needs, within bounds of time
causes.py   what only follows from another finding
reports.py  what a look at everything showed, kept for some days
bounds.py   from which figure on something is a warning, or critical
probes.py    /health and /health/ready
"""

from ops.health.examining import examine
from ops.health.findings import Finding, Level, worst_first
from ops.health.reports import latest_report, write_report

__all__ = ["Finding", "Level", "examine", "latest_report", "worst_first", "write_report"]
