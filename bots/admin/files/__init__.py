"""Bots as CSV files: how they are written, read, and taken over."""

from bots.admin.files.importing import FilesAdmin, export

__all__ = ["FilesAdmin", "export"]
