"""Run the exchange until it is told to stop: listen, match resting orders as prices move, write what happened."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal

from aiohttp import web

from market.paper.build import Options, build_exchange
from market.paper.exchange import Exchange
from market.paper.ledger import Ledger
from market.paper.prices.path import STEP_MS
from market.paper.web.pipeline import Pipeline

GRACE_SECONDS = 1.0
SHORTEST_ROUND = 0.05
# Beyond aiohttp's 8 kB, so that a long query is answered by us, in JSON.
MAX_LINE = 65_536


class CannotListen(Exception):
    """The address cannot be used; the text is one line that says what to do."""


async def serve(options: Options) -> None:
    """Serve until SIGTERM or SIGINT. Raises what ``build_exchange`` does, LedgerUnusable, CannotListen."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ledger = Ledger(options.ledger)
    try:
        exchange = await build_exchange(options, ledger)
        await _run(exchange, options, stop)
    finally:
        ledger.close()


async def _run(exchange: Exchange, options: Options, stop: asyncio.Event) -> None:
    # Of a malformed request it would write all, keys and tokens included, and nobody could stop the flood.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    pipeline = Pipeline(exchange, (exchange.faults.answer,))
    server = web.Server(pipeline, access_log=None, max_line_size=MAX_LINE, max_field_size=MAX_LINE)
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=GRACE_SECONDS)
    await runner.setup()
    try:
        await _listen(runner, options)
        port = runner.addresses[0][1]  # the one the system chose when --port is 0
        print(f"paper exchange listens on http://{options.host}:{port}", flush=True)  # noqa: T201
        pollers = [poller.run() for poller in exchange.pollers]
        jobs = (exchange.committer.run(), _match_for_ever(exchange), exchange.hub.run(), *pollers)
        work = [asyncio.create_task(job) for job in jobs]
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([*work, stopped], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            task.result()  # a worker only ends by an error: let it be seen
        await exchange.hub.close()
        await runner.cleanup()
        await exchange.committer.close()
        for task in work:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    finally:
        await runner.cleanup()
        for poller in exchange.pollers:
            await poller.close()


async def _listen(runner: web.ServerRunner, options: Options) -> None:
    try:
        await web.TCPSite(runner, options.host, options.port, backlog=1024).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = f"port {options.port} is taken: stop the process that listens there or choose another with --port"
        else:
            hint = f"cannot listen on {options.host}:{options.port} ({error}): choose others with --host and --port"
        raise CannotListen(hint) from error


async def _match_for_ever(exchange: Exchange) -> None:
    """Act on the prices of every step. At high speed many steps pass in one round."""
    while True:
        try:
            exchange.match(exchange.now_ms())
        except Exception as error:
            exchange.committer.fail(error)  # what was half done must not be written
            raise
        await exchange.flush()
        await asyncio.sleep(max(SHORTEST_ROUND, exchange.clock.seconds_until(exchange.matched_ms + STEP_MS)))
