"""Idempotency-Key: the same POST twice is done once, and answered twice.

A key is claimed in PostgreSQL before the view works, so of two at once one works and the other is told 409. If the
process dies in between, the claim counts for no longer than a request may take; then the same request may be tried
again. That is safe because what must not happen twice has a key of its own further down: an order its client's key, a
bot and an account their names.
"""

import hashlib
import json
import re
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from market.api.refusals import Conflict, Unprocessable
from market.api.rendering import Encoder
from market.dropping import drop
from market.models import IdempotentAnswer

HEADER, REPLAYED = "Idempotency-Key", "Idempotent-Replayed"
KEPT = timedelta(hours=24)
# Longer than any request of ours takes: calls of an exchange and locks of rows end long before.
AT_WORK = timedelta(seconds=60)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class KeyInUse(Conflict):
    default_code = "key_in_use"
    default_detail = "A request with this Idempotency-Key is being worked on; ask again in a moment."


class AnswerNotKept(Conflict):
    default_code = "answer_not_kept"
    default_detail = "This was done already. What it answered, a secret for example, is shown once and not repeated."


class KeyReused(Unprocessable):
    default_code = "key_reused"
    default_detail = "This Idempotency-Key was used for another request: another address or another body."


class AlreadyAnswered(Exception):
    """The request was answered before."""

    def __init__(self, answer: IdempotentAnswer) -> None:
        super().__init__(answer.key)
        self.answer = answer


class Idempotent(APIView):
    """Mixin: every POST takes an Idempotency-Key. ``shows_secret``: what it answers is never written down."""

    shows_secret: ClassVar[frozenset[str]] = frozenset()  # names of actions, or "post"
    claimed: IdempotentAnswer | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        key = request.headers.get(HEADER)
        if request.method == "POST" and key is not None and request.user.is_authenticated:
            self.claimed = claim(request, key, now=timezone.now())

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, AlreadyAnswered):
            answer = exc.answer
            body = json.loads(answer.body) if answer.body else None
            return Response(body, status=answer.status, headers={REPLAYED: "true"})
        try:
            return super().handle_exception(exc)
        except Exception:
            self._give_back()  # a bug: the next try may fare better
            raise

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        # What was refused was not done: the key is free for the same try in better times, or for a better one.
        if self.claimed and response.status_code < 300:
            act = getattr(self, "action", None) or "post"
            try:
                settle(self.claimed, response, is_kept=act not in self.shows_secret)
            except (TypeError, ValueError):  # nothing that can be written: a bug, as above
                self._give_back()
                raise
        else:
            self._give_back()
        self.claimed = None
        return super().finalize_response(request, response, *args, **kwargs)

    def _give_back(self) -> None:
        if self.claimed:
            claims = IdempotentAnswer.objects.filter(pk=self.claimed.pk, claimed_at=self.claimed.claimed_at)
            claims.filter(status=None).delete()


def claim(request: Request, key: str, *, now: datetime) -> IdempotentAnswer:
    """Claim a key for this request. Raises AlreadyAnswered, KeyInUse, KeyReused, AnswerNotKept, ValidationError."""
    if not _KEY.fullmatch(key):
        raise ValidationError({HEADER: ["1 to 255 printable ASCII characters without blanks are needed."]})
    user = cast(User, request.user)
    rows = IdempotentAnswer.objects.filter(user=user, key=key)
    rows.filter(claimed_at__lte=now - KEPT).delete()
    told = {"fingerprint": _fingerprint(request), "claimed_at": now}
    answer, is_new = IdempotentAnswer.objects.get_or_create(user=user, key=key, defaults=told)
    if is_new:
        return answer
    if answer.fingerprint != told["fingerprint"]:
        raise KeyReused
    if answer.status is not None:
        raise AlreadyAnswered(answer) if answer.is_kept else AnswerNotKept
    # Its process has died: exactly one of those who ask again goes on.
    is_over = answer.claimed_at <= now - AT_WORK
    if not (is_over and rows.filter(status=None, claimed_at=answer.claimed_at).update(claimed_at=now)):
        raise KeyInUse
    answer.claimed_at = now
    return answer


def settle(answer: IdempotentAnswer, response: Any, *, is_kept: bool) -> None:
    """Keep what was answered, unless somebody has taken the claim over meanwhile."""
    is_kept = is_kept and isinstance(response, Response)  # a file is not repeated
    # With the encoder of the answer itself: the second one is the first one to the letter.
    body = json.dumps(response.data, cls=Encoder, allow_nan=False) if is_kept and response.data is not None else ""
    mine = IdempotentAnswer.objects.filter(pk=answer.pk, status=None, claimed_at=answer.claimed_at)
    mine.update(status=response.status_code, body=body, is_kept=is_kept)


def drop_old_answers(*, now: datetime) -> int:
    """Forget what nobody can ask for any more, some at a time; return how many."""
    return drop(IdempotentAnswer.objects.filter(claimed_at__lte=now - KEPT).order_by("claimed_at"))


def _fingerprint(request: Request) -> str:
    told = f"{request.method} {request.get_full_path()}\n".encode() + request.body
    return hashlib.sha256(told).hexdigest()
