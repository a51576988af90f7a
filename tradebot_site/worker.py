"""What our workers do beyond Celery's: work that fails for good is kept as a dead letter (ops/dead_letters).

The process that works tells of exceptions (`task_failure`). What it can't tell any more, because it was killed, and
messages that are no task of ours, the worker's main process sees: here.
"""

from typing import Any, ClassVar, cast

from billiard import einfo
from celery.exceptions import InvalidTaskError, Terminated, WorkerLostError
from celery.worker import state
from celery.worker.consumer import Consumer as BaseConsumer
from celery.worker.request import Request as BaseRequest
from django.utils import timezone


class Request(BaseRequest):
    """A message that is being worked on, in the worker's main process."""

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> Any:
        """Keep what killed its process. It is delivered again, but not for ever."""
        error = exc_info.exception
        if isinstance(error, cast(Any, einfo).ExceptionWithTraceback):
            error = error.exc
        if not return_ok and not isinstance(error, Terminated) and not state.should_terminate:
            self._keep(error, exc_info.traceback)
        return super().on_failure(exc_info, send_failed_event=send_failed_event, return_ok=return_ok)

    def _keep(self, error: Exception, traceback: Any) -> None:
        from ops import dead_letters
        from ops.metrics.process import count_end

        comes_back = isinstance(error, WorkerLostError) and bool(
            self.task.acks_late and self.task.reject_on_worker_lost
        )
        is_last = comes_back and dead_letters.count_death(self.id)
        count_end(self.task.name, self, "LOST", seconds=None)
        kept = dead_letters.keep(
            dead_letters.Failure(
                task=self.task.name,
                task_id=self.id,
                queue=self.delivery_info["routing_key"] or "",
                worker=self.hostname,
                error=f"{type(error).__name__}: {error}",
                traceback=str(traceback or ""),
                args=self.args,
                kwargs=self.kwargs,
                is_delivered_again=comes_back and not is_last,
            ),
            now=timezone.now(),
        )
        if is_last and kept:
            self.acknowledge()  # first: then Celery can't give it back to the broker
            context = cast(Any, self)._context
            self.task.backend.mark_as_failure(self.id, error, request=context, store_result=self.store_errors)


class Consumer(BaseConsumer):
    """A message that can't be read neither ends the worker nor gets lost. A watchdog sees whether it hears any."""

    watchdog: Any = None  # made by `Pulse`

    class Blueprint(BaseConsumer.Blueprint):  # type: ignore[misc,valid-type]
        default_steps: ClassVar[list[str]] = [*BaseConsumer.Blueprint.default_steps, "tradebot_site.watchdog:Pulse"]

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Any:
        receive = super().create_task_handler(*args, **kwargs)

        def on_task_received(message: Any) -> Any:
            self.watchdog.received()
            try:
                return receive(message)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                # Celery takes each message for a well-formed one; else it would end, and so would the next worker.
                if message.acknowledged:
                    raise
                return self.on_invalid_task(None, message, InvalidTaskError(f"{type(error).__name__}: {error}"))

        return on_task_received

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        keep_message(message, exc, worker=self.hostname)
        super().on_decode_error(message, exc)


def keep_message(message: Any, error: Exception | None, *, worker: str, task: str = "", task_id: str = "") -> None:
    """Keep a message that no task works on; with ``task`` it can be read, but nobody knows that task."""
    from ops import dead_letters

    headers = message.headers if isinstance(message.headers, dict) else {}
    args, kwargs, is_readable = _arguments(message, is_task=bool(task))
    dead_letters.keep(
        dead_letters.Failure(
            task=task,
            task_id=task_id or str(headers.get("id") or ""),
            queue=str((message.delivery_info or {}).get("routing_key") or ""),
            worker=worker,
            error=f"{type(error).__name__}: {error}" if error else "this message is no task",
            args=args,
            kwargs=kwargs,
            is_readable=is_readable,
        ),
        now=timezone.now(),
    )


def _arguments(message: Any, *, is_task: bool) -> tuple[list[Any], dict[str, Any], bool]:
    """Of a task's message; of any other its body as text."""
    try:
        args, kwargs, _ = message.payload
        if is_task and isinstance(args, list) and isinstance(kwargs, dict):
            return args, kwargs, True
    except Exception:  # noqa: S110 - whatever is wrong with it, that is why it is kept
        pass
    return [str(message.body)[:1_000]], {}, False
