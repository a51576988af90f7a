"""What the release tool refuses to do."""


class ReleaseError(Exception):
    """The text names the file, what is wrong with it and, where it is not plain, what to do."""
