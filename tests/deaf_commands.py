"""Commands for a worker of a test, which its loop obeys: hear nothing any more, or hang."""

import time

from celery.worker.control import control_command


@control_command()
def go_deaf(state):
    """As after some lost connections: connected, beating, and taking nothing."""
    state.consumer.task_consumer.cancel()
    return "deaf"


@control_command()
def hang(state):
    """The loop does not come back."""
    time.sleep(600)
