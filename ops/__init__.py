"""Watches: health, audit, statistics, the one-command stack."""
