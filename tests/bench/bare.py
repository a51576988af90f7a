"""``python -m tests.bench.bare``: an aiohttp server that answers {} and nothing else. What HTTP costs here at least."""

from __future__ import annotations

import asyncio

from aiohttp import web


async def main() -> None:
    """Print the port, then answer for ever."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=b"{}", headers={"Content-Type": "application/json;charset=UTF-8"})

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
