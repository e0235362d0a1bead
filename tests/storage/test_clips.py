"""What is particular to the object store: addresses, uploads in parts, errors, and real memory."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import PermanentError, TemporaryError
from storage import clips
from storage.clips import ObjectClipStore
from tests.storage.object_server import object_server

MEGABYTE = 1024 * 1024

MEASURE = """
import asyncio, resource, sys
from pathlib import Path
from storage.clips import ObjectClipStore

async def measure(folder):
    store = ObjectClipStore(str(folder / "kept"))
    small, large = folder / "small", folder / "large"
    await store.put(small, "small")
    await store.get("small", folder / "back")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await store.put(large, "large")
    await store.get("large", folder / "back")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

asyncio.run(measure(Path(sys.argv[1])))
"""


async def test_a_file_address_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"clip")
    await ObjectClipStore((tmp_path / "a b").as_uri()).put(tmp_path / "f", "v1/clip.mp4")
    assert (tmp_path / "a b" / "v1" / "clip.mp4").read_bytes() == b"clip"


@pytest.mark.parametrize("url", ["ftp://host/x", "https://host/x", "s3://", "gs://"])
def test_an_address_that_cannot_be_used_is_named(url: str) -> None:
    with pytest.raises(PermanentError, match="MEDIA_URL"):
        ObjectClipStore(url)


async def test_a_large_file_goes_to_a_bucket_in_parts(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(12 * MEGABYTE))
    async with object_server() as server:
        store = ObjectClipStore("gs://bucket/clips", storage_emulator=server.url.removeprefix("http://"))
        await store.put(tmp_path / "f", "v1/clip.mp4")
        assert len(server.objects["/bucket/clips/v1/clip.mp4"]) == 12 * MEGABYTE
        assert sum("partNumber" in call for call in server.calls) == 3


async def test_a_bucket_of_ones_own_may_be_reached_without_encryption(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"clip")
    async with object_server() as server:
        script = (
            "import asyncio, os, pathlib, sys; from storage.clips import ObjectClipStore; "
            "store = ObjectClipStore('s3://bucket', retries=0); "
            "asyncio.run(store.put(pathlib.Path(sys.argv[1]), 'v1/clip.mp4')); "
            # As the program ends: the library's threads may abort an interpreter that is torn down.
            "os._exit(0)"
        )
        # The environment of a process of its own: obstore looks there.
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script, str(tmp_path / "f")),
            cwd=Path(clips.__file__).parent.parent,
            env={**os.environ, **keys, "AWS_ENDPOINT": server.url, "AWS_ALLOW_HTTP": "true"},
        )
        assert await process.wait() == 0
        assert server.objects["/bucket/v1/clip.mp4"] == b"clip"


@pytest.mark.parametrize(
    ("status", "kind"), [(403, PermanentError), (401, PermanentError), (429, TemporaryError), (503, TemporaryError)]
)
async def test_a_bucket_that_refuses(tmp_path: Path, status: int, kind: type[Exception]) -> None:
    (tmp_path / "f").write_bytes(b"clip")
    async with object_server() as server:
        server.broken = status
        store = ObjectClipStore("gs://bucket", storage_emulator=server.url, retries=0)
        with pytest.raises(kind, match=r"v1/clip\.mp4"):
            await store.put(tmp_path / "f", "v1/clip.mp4")
        with pytest.raises(kind):
            await store.size("v1/clip.mp4")


async def test_nowhere_to_write_is_temporary(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"clip")
    store = ObjectClipStore(str(tmp_path / "kept"))
    await store.put(tmp_path / "f", "v1/clip.mp4")
    with pytest.raises(TemporaryError):
        await store.get("v1/clip.mp4", tmp_path / "f" / "below a file")


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(bytes(MEGABYTE))
    with (tmp_path / "large").open("wb") as file:
        for _ in range(64):
            file.write(bytes(MEGABYTE))
    root = Path(clips.__file__).parent.parent
    command = [sys.executable, "-c", MEASURE, str(tmp_path)]
    grown_kb = int(subprocess.run(command, cwd=root, capture_output=True, check=True, text=True).stdout)
    assert grown_kb < 32 * 1024
