"""The `DialogueModel` port over rules: the default without keys, and what takes over when a model is down."""

from __future__ import annotations

from adapters.rules.reading import read
from adapters.rules.writing import prompt, rewrites
from core.reading import PromptInput, Reading, ReadingInput, Written
from core.request import VideoRequest


class RulesDialogueModel:
    """Reads and writes by rule: pure, instant, free, and the same each time. Never raises."""

    name = "rules"

    async def read(self, given: ReadingInput) -> Reading:
        """What the message means."""
        return read(given)

    async def write_prompt(self, given: PromptInput) -> Written:
        """A plain prompt: one text of at most 2,000 characters."""
        return Written(texts=(prompt(given),))

    async def rewrite(self, request: VideoRequest, reason: str) -> Written:
        """Two softer ideas; the reason is not needed, what is refused most often is replaced anyway."""
        return Written(texts=rewrites(request))
