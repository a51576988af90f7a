"""How often a message has killed the process that worked on it: such a one would come back for ever."""

import logging

from django_redis import get_redis_connection
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

MOST_DEATHS = 3
REMEMBERED_SECONDS = 86_400


def count_death(task_id: str) -> bool:
    """Count one; True when the message has killed so many that it must not be delivered again.

    While Redis is away nothing is counted, and it is delivered again.
    """
    try:
        redis = get_redis_connection("default")
        deaths = int(redis.incr(f"deaths:{task_id}"))
        redis.expire(f"deaths:{task_id}", REMEMBERED_SECONDS)
    except RedisError as error:
        logger.warning("task %s: the death of its process is not counted: %s", task_id, error)
        return False
    return deaths >= MOST_DEATHS
