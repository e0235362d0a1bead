"""The files of a generation: the pictures an order needs, and the clip on its way from the provider to the store."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import PermanentError, ReelbotError, TemporaryError
from core.generation import Clip, Generation
from core.inspection import ClipFacts
from core.ports import ClipStore, Media, VideoOrder, VideoProvider

log = logging.getLogger("reelbot.collecting")


CLIP, POSTER = "clip.mp4", "poster.jpg"
"""What a generation's files are called, in the work folder and in the clip store."""


def _name(generation: Generation, file: str) -> str:
    """Of a file of the generation in the clip store."""
    return f"{generation.name}/{file}"


def _settled(path: Path) -> None:
    """Bring the file's bytes to the disk, so that after a power loss it is whole or not there."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def _on_disk() -> Iterator[None]:
    """A disk that is full, or has trouble, may be well again later."""
    try:
        yield
    except OSError as error:
        raise TemporaryError(f"The disk does not take it now: {error.strerror}.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A clip that has arrived."""

    facts: ClipFacts
    kept: bool
    """Whether the clip store has it already."""


class Collector:
    """Fetches, measures, converts and keeps files, in a work folder of its own."""

    def __init__(self, *, clips: ClipStore, media: Media, folder: Path) -> None:
        """`folder`: for work under way; what is in it can be made again."""
        self._clips = clips
        self._media = media
        self._folder = folder

    # --- what an order needs ---------------------------------------------------------------------------------------

    async def fetch_inputs(self, generation: Generation) -> None:
        """Bring the person's pictures and clips into the work folder; raises PermanentError when one is gone, and
        TemporaryError when it cannot be had now."""
        for place, name in self._inputs(generation).items():
            path = self._path(generation, place)
            if not path.exists():
                with _on_disk():
                    path.parent.mkdir(parents=True, exist_ok=True)
                await self._clips.get(name, path)

    def video_order(self, generation: Generation) -> VideoOrder:
        """The order for the generation's plan; its pictures must have been fetched."""
        plan, order = generation.plan, generation.order
        assert plan is not None
        assert order is not None
        request = generation.request
        return VideoOrder(
            key=order.key,
            model=plan.model,
            prompt=generation.prompt,
            request=request,
            duration_s=plan.duration_s,
            aspect=plan.aspect,
            resolution=plan.resolution,
            sound=plan.sound,
            seed=generation.seed or 0,
            first_frame=self._path(generation, "first") if request.first_frame else None,
            last_frame=self._path(generation, "last") if request.last_frame else None,
            references=tuple(self._path(generation, f"reference{place}") for place in range(len(request.references))),
            parts=tuple(self._path(generation, f"part{place}") for place in range(len(request.parts))),
        )

    def _inputs(self, generation: Generation) -> dict[str, str]:
        """The kept files that the order needs, each by what it is called in the work folder."""
        request = generation.request
        named = {"first": request.first_frame, "last": request.last_frame}
        named |= {f"reference{place}": reference for place, reference in enumerate(request.references)}
        files = {place: reference.name for place, reference in named.items() if reference is not None}
        return files | {f"part{place}": part.clip for place, part in enumerate(request.parts)}

    # --- what comes back -------------------------------------------------------------------------------------------

    async def fetch(self, generation: Generation, provider: VideoProvider) -> Fetched:
        """Stream the clip to a temporary name, rename it when it is whole, and measure it.

        It goes to the clip store meanwhile, because most clips are good; `discard` takes back one that is not. Raises
        TemporaryError or PermanentError from the provider, and UnplayableClip."""
        order = generation.order
        assert order is not None
        path = self._path(generation, CLIP)
        if not path.exists():
            part = path.with_suffix(".part")
            with _on_disk():
                path.parent.mkdir(parents=True, exist_ok=True)
                await provider.fetch(order.operation, order.location, part)
                await asyncio.to_thread(_settled, part)
                part.replace(path)
        measuring = self._media.probe(path, poster=self._path(generation, POSTER))
        facts, kept = await asyncio.gather(measuring, self._put_early(generation, path), return_exceptions=True)
        if isinstance(facts, BaseException):
            raise facts
        if isinstance(kept, BaseException):
            raise kept
        return Fetched(facts=facts, kept=kept)

    async def _put_early(self, generation: Generation, path: Path) -> bool:
        """Whether the clip store has taken it; when it has not, `keep` says why."""
        try:
            await self._clips.put(path, _name(generation, CLIP))
        except ReelbotError as error:
            log.info("clip.not_kept_yet", extra={"generation": generation.name, "error": str(error)})
            return False
        return True

    async def keep(self, generation: Generation, fetched: Fetched, upload_bytes: int) -> Clip:
        """Keep the provider's bytes and the poster, and where they cannot be sent as they are, the copy that can."""
        plan = generation.plan
        assert plan is not None
        path = self._path(generation, CLIP)
        sent = path
        if not plan.sound and fetched.facts.audio_codec:
            silent = self._path(generation, "silent.mp4")
            await self._media.mute(sent, silent)
            sent = silent
        if sent.stat().st_size > upload_bytes:
            smaller = self._path(generation, "smaller.mp4")
            try:
                await self._media.shrink(sent, smaller, upload_bytes)
                sent = smaller
            except PermanentError as error:
                # It is kept all the same; the platform will say that it does not take it.
                log.warning("clip.cannot_shrink", extra={"generation": generation.name, "error": str(error)})
        clip = Clip(
            name=_name(generation, CLIP),
            poster=_name(generation, POSTER),
            facts=fetched.facts,
            sent="" if sent == path else _name(generation, sent.name),
        )
        if not fetched.kept:
            await self._clips.put(path, clip.name)
        await self._clips.put(self._path(generation, POSTER), clip.poster)
        if clip.sent:
            await self._clips.put(sent, clip.sent)
        return clip

    async def discard(self, generation: Generation) -> None:
        """Forget a clip that is not good, here and in the clip store."""
        await self.tidy(generation)
        try:
            await self._clips.delete(_name(generation, CLIP))
        except ReelbotError as error:
            # What is wrong with the clip is said all the same: that a file stays behind costs little.
            log.warning("clip.not_discarded", extra={"generation": generation.name, "error": str(error)})

    # --- what is sent ----------------------------------------------------------------------------------------------

    async def sent_files(self, generation: Generation) -> tuple[Path, Path]:
        """Local paths of the clip that is sent and of its poster; raises PermanentError when they are gone, and
        TemporaryError when they cannot be had now."""
        clip = generation.clip
        assert clip is not None
        name = clip.sent or clip.name
        return await self._local(generation, name), await self._local(generation, clip.poster)

    async def sent_facts(self, generation: Generation, path: Path) -> ClipFacts:
        """What the file that is sent really is."""
        clip = generation.clip
        assert clip is not None
        if not clip.sent:
            return replace(clip.facts, size_bytes=path.stat().st_size)
        return await self._media.probe(path)

    async def _local(self, generation: Generation, name: str) -> Path:
        path = self._path(generation, name.rpartition("/")[2])
        if not path.exists():
            with _on_disk():
                path.parent.mkdir(parents=True, exist_ok=True)
                await self._clips.get(name, path)
        return path

    # --- tidying ---------------------------------------------------------------------------------------------------

    def leftovers(self) -> tuple[str, ...]:
        """Names of the generations that have work files."""
        return tuple(folder.name for folder in self._folder.iterdir()) if self._folder.is_dir() else ()

    async def tidy(self, generation: Generation) -> None:
        """Remove the work files; what is kept is in the clip store."""
        folder = self._folder / generation.name
        if folder.is_dir():
            for path in folder.iterdir():
                path.unlink(missing_ok=True)
            folder.rmdir()

    def _path(self, generation: Generation, name: str) -> Path:
        return self._folder / generation.name / name
