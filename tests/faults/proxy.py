"""Doors between our processes and the servers they use, which can be slammed, held and made slow."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

Door = tuple[str, str]
"""Who goes through it, and where to: ("alerts", "broker")."""

DELAY = 0.3
"""Seconds that a slow door adds to each piece."""


class Doors:
    """Every door, on one event loop in a thread of its own. An address is a port on loopback, or the path of a unix socket."""

    def __init__(self) -> None:
        self._held: dict[Door, float] = {}  # until when nothing passes, in either direction
        self._slow: dict[Door, float] = {}
        self._shut: dict[Door, float] = {}  # until when nobody is let in
        self._inside: dict[Door, set[asyncio.StreamWriter]] = {}
        self._listening: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="doors")
        self._thread.start()

    def open(self, door: Door, *, listen: int | Path, leads_to: Callable[[], int | Path]) -> None:
        """Let connections through, to wherever `leads_to` says at that moment."""

        async def serve() -> None:
            async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                with contextlib.suppress(asyncio.CancelledError):  # at the end
                    await self._carry(door, leads_to, reader, writer)

            if isinstance(listen, Path):
                self._listening.append(await asyncio.start_unix_server(carry, str(listen)))
                listen.chmod(0o777)
            else:
                self._listening.append(await asyncio.start_server(carry, "127.0.0.1", listen))

        self._inside[door] = set()
        asyncio.run_coroutine_threadsafe(serve(), self._loop).result(10)

    def __iter__(self) -> Any:
        return iter(self._inside)

    def slam(self, doors: Collection[Door], *, seconds: float = 0.0) -> None:
        """End every connection at once, without a goodbye, and let nobody in for so long."""

        def abort() -> None:
            for door in doors:
                for writer in list(self._inside[door]):
                    writer.transport.abort()

        self._shut |= dict.fromkeys(doors, time.monotonic() + seconds)
        self._loop.call_soon_threadsafe(abort)

    def hold(self, doors: Collection[Door], *, seconds: float) -> None:
        """Let nothing pass for so long: each side sees a peer that is silent."""
        self._held |= dict.fromkeys(doors, time.monotonic() + seconds)

    def slow(self, doors: Collection[Door], *, seconds: float) -> None:
        """Let each piece pass DELAY seconds late, for so long."""
        self._slow |= dict.fromkeys(doors, time.monotonic() + seconds)

    def close(self) -> None:
        """End everything."""
        self.slam(list(self._inside), seconds=3600)

        async def end() -> None:
            for server in self._listening:
                server.close()
            mine = asyncio.current_task()
            rest = [task for task in asyncio.all_tasks() if task is not mine]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        with contextlib.suppress(Exception):
            asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _carry(self, door: Door, leads_to: Callable[[], int | Path], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there: asyncio.StreamReader
        try:
            if time.monotonic() < self._shut.get(door, 0.0):
                raise OSError
            place = leads_to()
            opening = asyncio.open_unix_connection(str(place)) if isinstance(place, Path) else asyncio.open_connection("127.0.0.1", place)
            there, back = await opening
        except OSError:
            writer.transport.abort()
            return
        both = {writer, back}
        self._inside[door] |= both
        pumps = [asyncio.ensure_future(self._pump(door, *ends)) for ends in ((reader, back), (there, writer))]
        try:
            await asyncio.wait(pumps, return_when="FIRST_COMPLETED")
        finally:
            self._inside[door] -= both
            for pump in pumps:
                pump.cancel()
            for each in both:
                each.close()

    async def _pump(self, door: Door, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(2**16):
                while time.monotonic() < self._held.get(door, 0.0):
                    await asyncio.sleep(0.05)
                if time.monotonic() < self._slow.get(door, 0.0):
                    await asyncio.sleep(DELAY)
                sink.write(piece)
                await sink.drain()
