"""What to do is said in words that lead somewhere."""

import re

import pytest
from django.conf import settings

from market.admin import runbook

SOURCES = sorted((settings.BASE_DIR / "ops" / "health").rglob("*.py"))
# The runbook's section is the last argument of each.
MEND = re.compile(r'mend\(\s*f?"[^"]*",\s*("[^"]+"|[A-Z]+),?\s*\)')
SECTIONS = {name.strip('"') for path in SOURCES for name in MEND.findall(path.read_text()) if name.startswith('"')} | {
    "Machine full"
}


def test_each_mend_is_found_in_the_sources():
    calls = sum(len(re.findall(r"\bmend\(", path.read_text())) for path in SOURCES)
    found = sum(len(MEND.findall(path.read_text())) for path in SOURCES)

    assert found == calls - 2  # its definition, and the one of the machine, whose advice is a variable
    assert len(SECTIONS) > 15


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_the_runbook_has_a_section_for_each_mend(section):
    assert runbook.has_section(section)
