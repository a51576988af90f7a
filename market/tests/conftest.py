"""Laws may take their time: on a busy machine a deadline for each example tells nothing of the code."""

from hypothesis import settings

settings.register_profile("tradebot", deadline=None)
settings.load_profile("tradebot")
