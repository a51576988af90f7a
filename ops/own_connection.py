"""A connection to the database for a thread that only looks, and must not hang with the server."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

from django.db import connections

# For a connection that lives as long as one look: given up by the server, the client and the network in time.
PATIENCE = {"connect_timeout": 2, "keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 3}
STATEMENT_TIMEOUT = " -c statement_timeout=2500 -c lock_timeout=1000"


@contextmanager
def own_connection() -> Iterator[None]:
    """Django's connection of this thread, opened when it is needed, with less patience, closed at the end."""
    wrapper = connections.create_connection("default")
    wrapper.settings_dict = deepcopy(wrapper.settings_dict)
    options = wrapper.settings_dict["OPTIONS"]
    options |= PATIENCE | {"options": options.get("options", "") + STATEMENT_TIMEOUT}
    connections["default"] = wrapper
    try:
        yield
    finally:
        wrapper.close()
