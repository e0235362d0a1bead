"""The loop of Google's own samples: ask every ten seconds until it is done.

As their documentation has it, for Veo and for Gemini's long-running interactions alike:

    while not operation.done:
        time.sleep(10)
        operation = client.operations.get(operation)
"""

from __future__ import annotations

from core.ports import Clock, OperationState, Running, VideoProvider

EVERY_S = 10.0


async def watch(provider: VideoProvider, operation: str, clock: Clock) -> OperationState:
    """What became of the operation."""
    state: OperationState = Running()
    while isinstance(state, Running):
        await clock.sleep(EVERY_S)
        state = await provider.poll(operation)
    return state
