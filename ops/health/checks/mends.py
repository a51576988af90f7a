"""What to do about a finding: a sentence with the command that shows or mends it, and the runbook's section."""


def mend(what: str, section: str) -> str:
    """``section`` is the title of one in docs/runbook.md."""
    return f"{what} See docs/runbook.md#{section.lower().replace(' ', '-')}."
