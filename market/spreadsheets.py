"""Texts in files that spreadsheets open. Plain Python."""

# What a spreadsheet takes for a formula. The apostrophe before it says that it is a text, and is taken away again.
# https://owasp.org/www-community/attacks/CSV_Injection
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def escaped(text: str) -> str:
    return f"'{text}" if text.startswith(DANGEROUS) else text


def unescaped(text: str) -> str:
    return text[1:] if text.startswith("'") else text.strip()
