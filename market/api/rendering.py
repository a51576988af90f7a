"""How answers are written: an amount is a string also where no serializer has made it one."""

from decimal import Decimal
from typing import Any

from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

from market.rounding import plain


class Encoder(JSONEncoder):
    def default(self, obj: Any) -> Any:
        """REST framework would make a float of it."""
        return plain(obj) if isinstance(obj, Decimal) else super().default(obj)


class Renderer(JSONRenderer):
    encoder_class = Encoder
