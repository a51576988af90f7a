"""Whether all parts of the system do their work, and what to do about those that do not.

findings.py  what a look at one thing showed
checks/      the looks: a registry, one file for each kind of thing
examining.py looks at everything, or at what readiness needs, within bounds of time
probes.py    /health and /health/ready
"""

from ops.health.findings import Finding, Level

__all__ = ["Finding", "Level"]
