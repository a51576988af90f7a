"""The auditor: our books against the paper exchange's own ledger, and that ledger against itself.

It reads the two databases by SQL. This package imports psycopg, the standard library and itself, and nothing of what
books: it can't share a mistake with the code that it judges.
"""

from ops.audit.comparison import Findings, audit

__all__ = ["Findings", "audit"]
