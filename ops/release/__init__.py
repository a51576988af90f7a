"""Releases: what belongs to one, whether it is all there, and how one follows the other (docs/release.md).

errors.py        what is refused
naming.py        which names of files may stand in a release
ignoring.py      what never does: secrets, databases, logs, virtual environments
manifest.py      the list of all files with their check sums
reading.py       plain files below a directory, read without following a link
listing.py       the manifest of a directory
comparing.py     a directory beside a manifest
packing.py       the archive, the same bytes wherever it is made
unzipping.py     a stream that never grows beyond what was asked of it
unpacking.py     an archive of anybody, looked through before anything is written
sources.py       where new files come from: an archive or a directory
planning.py      what is to be copied and removed
staging.py       makes what that needs beside the tree, and keeps what was there
updating.py      update, repair, rollback
switching.py     the switch: journaled, so that a kill leaves the old or the new (needs nothing else of ours)
unfinished.py    what every start does: ends a switch that was cut short
command_line.py  `manage.py release`, and `python -m ops.release` where not even Django starts

Nothing here needs Django: what mends an installation must work in a broken one.
"""
