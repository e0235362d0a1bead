"""Which benchmarks there are. Each is a module with `measure`, run in a process of its own."""

from __future__ import annotations

BENCHMARKS: dict[str, str] = {
    "turns": "one turn: what the bot adds, what it costs, many at once",
    "outbound": "messages out",
    "polling": "from done at the service to the upload",
    "inflight": "many generations under way: CPU and memory",
    "passing": "a large clip on its way through",
    "commits": "commits a generation",
    "workers": "one worker and four over PostgreSQL",
    "startup": "the program's start",
    "rendering": "drawing a storyboard",
    "joining": "joining clips, with a title",
}
"""By the name of their module: what they are about."""
