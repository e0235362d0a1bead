"""What is made in another thread while the last of it is being used."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def made_ahead(items: Generator[T, None, None], room: int) -> Iterator[Iterator[T]]:
    """The same items, made in another thread from now on; at most `room` of them wait."""
    waiting: queue.Queue[T | None] = queue.Queue(room)
    stop = threading.Event()

    def fill() -> None:
        try:
            for item in items:
                if stop.is_set():
                    break
                waiting.put(item)
        finally:
            items.close()
            waiting.put(None)

    def handed_over() -> Iterator[T]:
        while (item := waiting.get()) is not None:
            yield item
        filling.result()  # raises what went wrong in the thread

    with ThreadPoolExecutor(max_workers=1) as pool:
        filling = pool.submit(fill)
        try:
            yield handed_over()
        finally:
            stop.set()
            while not filling.done():  # make room, or the thread would wait for ever to hand over its last item
                with suppress(queue.Empty):
                    waiting.get(timeout=0.02)
