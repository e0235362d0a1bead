"""`make demo` as a person runs it: it plays to its end by itself, says what matters, and notices what goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]

WRONG = """
import asyncio, sys
from pathlib import Path
from rich.console import Console
from tests.emulators.demo import play

async def no_clip(stage):
    stage.expect(False, "no clip came")

sys.exit(asyncio.run(play([no_clip], Console(), Path("data", "demo"))))
"""


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in `folder`, in an environment that has settings of its own."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
        "COLUMNS": "110",
        "VIDEO_PROVIDER": "animatic",
        "TELEGRAM_ALLOWED_USERS": "1",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )


def test_the_demo_plays_to_its_end(tmp_path: Path) -> None:
    run = demo(tmp_path, "-m", "tests.emulators.demo", "--quick")
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    place = -1
    for line in (
        "make me a video of a fox",
        "Where does it take place?",
        "Ann taps  In nature",
        "Make it · $0.56",
        "upright please, and 6 seconds",
        "Make it · $0.42",
        "orders received by the video service: 0",
        "Ann taps  Make it · $0.42",
        "the video service receives an order: gemini-omni-1.2-flash, 6s, 9:16, 720p",
        "$0.42 · made in",
        f"delivered, byte for byte as the video service made it: {Path('data', 'demo', 'v1.mp4')}",
        "v1 is ordered already",
        "orders received by the video service: 1",
        "The video service declined to film v2",
        "Take idea 1",
        "orders received by the video service: 2",
        "the answer never arrived",
        "orders received by the video service: 3",
        "Ann taps  Order again",
        "orders received by the video service: 4",
        "Bob taps  Make it",
        "Only Ann can decide about v4",
        "orders received by the video service: 4",
        "orders received by the video service: 5",
        "charged by the ledger, for the three delivered clips: $0.98",
        "Everything as it should be",
    ):
        found = run.stdout.find(line, place + 1)
        assert found > place, f"{line!r} is missing after what came before it:\n{run.stdout}"
        place = found
    clips = sorted(path.name for path in (tmp_path / "data" / "demo").glob("*.mp4"))
    assert clips == ["v1.mp4", "v3.mp4", "v4.mp4"]


def test_the_demo_says_when_something_did_not_happen(tmp_path: Path) -> None:
    run = demo(tmp_path, "-c", WRONG)
    assert run.returncode == 1
    assert "This did not go as it should: no clip came" in run.stdout


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    picture = (ROOT / "conversation.svg").read_text("utf-8")
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
    for unwanted in ("<script", "@font-face", "url(http", "href", "<image", "<foreignObject"):
        assert unwanted not in picture
    assert "Make it · $0.56".replace(" ", "&#160;") in picture
