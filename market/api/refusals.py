"""How a view says no beside what REST framework has words for."""

from rest_framework.exceptions import APIException


class Conflict(APIException):
    """It can't be done as things stand; what is in the way is told."""

    status_code = 409
    default_code = "conflict"


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"


class Unprocessable(APIException):
    """Well formed, and yet nothing that can be done."""

    status_code = 422
    default_code = "unprocessable"


class Unavailable(APIException):
    """Somebody that we depend on does not answer; later it may."""

    wait: int | None = None  # seconds after which it may be tried again
    status_code = 503
    default_code = "unavailable"
