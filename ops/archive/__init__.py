"""What is old goes into files that can be proved, month by month; only what is in one of them may be deleted.

sources.py    which rows, and whether they go when they are archived
files.py      one file: written, read back, named for good; its facts beside it
archiving.py  what is missing is written, what is proved is deleted
"""

from ops.archive.archiving import NotProved, clean_up
from ops.archive.files import Part, faults_of, parts

__all__ = ["NotProved", "Part", "clean_up", "faults_of", "parts"]
