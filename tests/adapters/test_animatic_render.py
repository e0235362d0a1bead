"""The embedded renderer: real films, decoded and measured with our own probe."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import pytest
from PIL import Image

from adapters.animatic import AnimaticVideoProvider
from adapters.animatic.figures import PAINTERS, poses
from adapters.animatic.render import render
from adapters.animatic.scenery import scene
from adapters.animatic.storyboard import Shot, Storyboard, frame_size, storyboard
from adapters.animatic.vocabulary import Camera, Figure, Hour, Mood, Place, Weather
from adapters.fonts import BUNDLED, Face, face_for, lacking, missing_scripts, visible
from adapters.pyav import PyAVMedia
from adapters.rendering import Cancelled
from adapters.typesetting import drawable
from core.errors import OrderRefused, PermanentError
from core.inspection import ClipFacts, Promise, flaws
from core.ports import Failed, Finished, OperationState, Reconciliation, Running, VideoOrder
from core.request import MediaRef, VideoRequest

media = PyAVMedia()


def board(
    idea: str = "a red fox in the snow", *, duration_s: float = 2, aspect: str = "16:9", resolution: str = "360p",
    sound: bool = True, seed: int = 5, picture: Path | None = None, request: VideoRequest | None = None,
) -> Storyboard:  # fmt: skip
    return storyboard(
        request or VideoRequest(idea=idea), duration_s=duration_s, aspect=aspect, resolution=resolution, sound=sound,
        seed=seed, picture=picture,
    )  # fmt: skip


def film(made: Storyboard, path: Path, cancelled: Callable[[], bool] = lambda: False) -> list[float]:
    progress: list[float] = []
    render(made, path, on_progress=progress.append, cancelled=cancelled)
    return progress


def tracks(path: Path) -> tuple[float, float | None]:
    """Seconds of picture and of sound."""
    with av.open(str(path)) as container:
        lengths = [float((s.duration or 0) * s.time_base) for s in container.streams if s.time_base is not None]
        return lengths[0], lengths[1] if len(lengths) > 1 else None


def good(facts: ClipFacts, *, duration_s: float, aspect: str, sound: bool = True) -> bool:
    return not flaws(facts, Promise(duration_s=duration_s, aspect=aspect, sound=sound))


@pytest.mark.parametrize(
    ("aspect", "resolution", "size"),
    [("16:9", "360p", (640, 360)), ("9:16", "720p", (720, 1280)), ("1:1", "720p", (720, 720)),
     ("16:9", "480p", (854, 480)), ("16:9", "1080p", (1920, 1080))],
)  # fmt: skip
def test_sizes_are_even_and_named_by_the_shorter_side(aspect: str, resolution: str, size: tuple[int, int]) -> None:
    assert frame_size(aspect, resolution) == size


@pytest.mark.parametrize(("aspect", "resolution"), [("16:9", "4k"), ("wide", "720p"), ("0:9", "720p")])
def test_what_cannot_be_drawn_is_refused(aspect: str, resolution: str) -> None:
    with pytest.raises(ValueError, match="cannot draw"):
        frame_size(aspect, resolution)


@pytest.mark.parametrize(
    ("idea", "aspect", "duration_s"),
    [("a red fox in the snow", "16:9", 4), ("a girl in a forest at dawn", "9:16", 1), ("a cup of coffee", "1:1", 1.5),
     ("a black cat at night", "16:9", 2)],
)  # fmt: skip
async def test_a_film_is_what_was_asked_for(tmp_path: Path, idea: str, aspect: str, duration_s: float) -> None:
    made = board(idea, aspect=aspect, duration_s=duration_s)
    progress = film(made, tmp_path / "a.mp4")
    facts = await media.probe(tmp_path / "a.mp4")
    assert good(facts, duration_s=duration_s, aspect=aspect)
    assert facts.duration_s == pytest.approx(duration_s, abs=0.03)
    assert (facts.width, facts.height) == frame_size(aspect, "360p") and facts.fps == 24
    assert (facts.video_codec, facts.audio_codec) == ("h264", "aac")
    assert facts.frozen_fraction < 0.5 and facts.dark_fraction < 0.5
    assert facts.peak_db is not None and -30 < facts.peak_db < -0.5
    pictures, sound = tracks(tmp_path / "a.mp4")
    assert pictures == pytest.approx(duration_s, abs=0.05) and sound == pytest.approx(duration_s, abs=0.05)
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert progress == sorted(progress) and progress[0] == 0 and progress[-1] == 1


async def test_silent_means_no_sound_track(tmp_path: Path) -> None:
    film(board(sound=False, duration_s=1), tmp_path / "a.mp4")
    assert (await media.probe(tmp_path / "a.mp4")).audio_codec == ""


def test_the_same_storyboard_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        film(board(seed=seed, duration_s=4), tmp_path / name)
    a, b, c = (hashlib.sha256((tmp_path / name).read_bytes()).digest() for name in "abc")
    assert a == b != c


async def test_a_still_camera_over_a_dark_place_is_neither_frozen_nor_black(tmp_path: Path) -> None:
    made = board(request=VideoRequest(idea="fog at night", camera="static tripod"))
    assert made.shots[0].camera is Camera.STILL
    film(made, tmp_path / "a.mp4")
    facts = await media.probe(tmp_path / "a.mp4")
    assert facts.frozen_fraction < 0.5 and facts.dark_fraction < 0.5


async def test_the_persons_picture_fills_the_frame_and_moves(tmp_path: Path) -> None:
    Image.effect_noise((400, 300), 60).convert("RGB").save(tmp_path / "photo.jpg")
    film(board(picture=tmp_path / "photo.jpg"), tmp_path / "a.mp4")
    assert good(await media.probe(tmp_path / "a.mp4"), duration_s=2, aspect="16:9")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(PermanentError, match="first frame"):
        film(board(picture=tmp_path / "broken.jpg"), tmp_path / "b.mp4")
    assert not list(tmp_path.glob("*b.mp4*"))


def test_cancelling_stops_and_leaves_nothing(tmp_path: Path) -> None:
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        film(board(duration_s=8), tmp_path / "a.mp4", lambda: next(asked))
    assert list(tmp_path.iterdir()) == []


# --- storyboard ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("idea", "figure", "place", "hour", "weather"),
    [
        ("a red fox in the snow", Figure.FOX, Place.FOREST, Hour.DAY, Weather.SNOW),
        ("a sailing boat at sunset", Figure.BOAT, Place.SEA, Hour.SUNSET, Weather.CLEAR),
        ("neon city at night, rain", Figure.NONE, Place.CITY, Hour.NIGHT, Weather.RAIN),
        ("Чёрная кошка гуляет ночью по городу", Figure.CAT, Place.CITY, Hour.NIGHT, Weather.CLEAR),
        ("a carpet seller in a market", Figure.NONE, Place.CITY, Hour.DAY, Weather.CLEAR),
        ("", Figure.NONE, Place.MEADOW, Hour.DAY, Weather.CLEAR),
    ],
)
def test_words_become_scenes(idea: str, figure: Figure, place: Place, hour: Hour, weather: Weather) -> None:
    shot = board(idea).shots[0]
    assert (shot.figure, shot.place, shot.hour, shot.weather) == (figure, place, hour, weather)


@pytest.mark.parametrize(
    ("words", "camera", "facing"),
    [("slow pan left", Camera.TRACK_LEFT, -1), ("tracking to the right", Camera.TRACK_RIGHT, 1),
     ("zoom out", Camera.PULL_BACK, None), ("slow zoom", Camera.PUSH_IN, None), ("drone", Camera.RISE, None)],
)  # fmt: skip
def test_camera_words_move_the_camera(words: str, camera: Camera, facing: int | None) -> None:
    for shot in board(request=VideoRequest(idea="a red car", camera=words), duration_s=8).shots:
        assert shot.camera is camera
        assert facing in (None, shot.facing)


def test_a_tracking_camera_goes_where_the_figure_looks() -> None:
    for seed in range(4):
        shot = board(request=VideoRequest(idea="a red car", camera="tracking shot"), seed=seed).shots[0]
        assert shot.camera is (Camera.TRACK_RIGHT if shot.facing > 0 else Camera.TRACK_LEFT)


def test_a_named_colour_belongs_to_the_figure() -> None:
    red, _, blue = board("a blue car on a red street").shots[0].colour or (0, 0, 0)
    assert blue > red


@pytest.mark.parametrize(("duration_s", "count"), [(1, 1), (3, 1), (6, 2), (8, 3), (15, 4), (37, 4)])
def test_longer_films_have_more_shots_that_add_up(duration_s: float, count: int) -> None:
    made = board(duration_s=duration_s)
    assert len(made.shots) == count
    assert sum(shot.frames for shot in made.shots) - 12 * (count - 1) == duration_s * 24


def test_shots_that_were_asked_for_are_kept_even_when_they_do_not_fit() -> None:
    wish = VideoRequest(idea="a day", shots=("a house at dawn", "a boat", "a bird", "a tree", "the moon at night"))
    shots = board(request=wish, duration_s=8).shots
    assert [shot.text for shot in shots] == [
        "a house at dawn",
        "a boat",
        "a bird",
        "a tree · the moon at night",
    ]
    assert [shot.figure for shot in shots[:3]] == [Figure.HOUSE, Figure.BOAT, Figure.BIRD]
    assert len(board(request=wish, duration_s=1).shots) == 1


def test_mood_and_words_come_from_the_request() -> None:
    made = board(request=VideoRequest(idea="a boat", mood="epic", words="SALE"), duration_s=6)
    assert made.mood is Mood.EPIC
    assert [shot.title for shot in made.shots] == ["", "SALE"]


@pytest.mark.parametrize("place", list(Place))
@pytest.mark.parametrize("hour", [Hour.DAY, Hour.NIGHT])
def test_every_place_can_be_drawn_in_every_weather(place: Place, hour: Hour) -> None:
    template = board().shots[0]
    for weather, camera in zip(
        Weather, (Camera.TRACK_LEFT, Camera.RISE, Camera.PUSH_IN, Camera.TRACK_RIGHT), strict=True
    ):
        shot: Shot = replace(template, place=place, hour=hour, weather=weather, camera=camera)
        drawn = scene(shot, 160, 90)
        assert drawn.still.size == (160, 90) and drawn.layers
        assert sum(drawn.still.convert("L").resize((1, 1)).tobytes()) > 0.06 * 255


def test_every_figure_can_be_drawn() -> None:
    assert set(PAINTERS) == set(Figure) - {Figure.NONE}
    for figure in PAINTERS:
        loop = poses(figure, 40, None, -1, (255, 255, 255))
        assert all(picture.getbbox() is not None for picture in loop)


# --- fonts -----------------------------------------------------------------------------------------------------------


def test_the_bundled_font_has_latin_greek_and_cyrillic() -> None:
    wanted = "".join(map(chr, (*range(0x41, 0x17F), *range(0x391, 0x3A1), *range(0x400, 0x460))))
    assert lacking(Face(path=BUNDLED), frozenset(c for c in wanted if c.isalnum())) == frozenset()
    assert lacking(Face(path=BUNDLED), frozenset("a\u0e01\U00012000")) == frozenset("\u0e01\U00012000")
    assert missing_scripts("Ünïcödé, Ελλάδα і Київ") == ()
    assert face_for("Київ")[0].path == BUNDLED


def test_a_script_that_no_font_has_is_named_and_not_drawn_as_boxes() -> None:
    cuneiform = "\U00012000\U00012001"
    assert missing_scripts(f"{cuneiform} 🦊") == ("Cuneiform",)
    assert drawable(cuneiform) == ""
    assert drawable(f"a long enough English caption {cuneiform}") == "a long enough English caption"


def test_a_file_that_is_no_font_has_no_characters(tmp_path: Path) -> None:
    for name, content in {"a.ttf": b"", "b.ttf": b"ttcf" + b"\xff" * 40, "c.ttf": b"\x00" * 100}.items():
        (tmp_path / name).write_bytes(content)
        assert lacking(Face(path=tmp_path / name), frozenset("a")) == frozenset("a")


def test_emoji_and_control_characters_are_left_out_quietly() -> None:
    assert visible("a 🦊\n\tfox\u200d\ufe0f") == "a fox"
    assert missing_scripts("🦊👩‍🚀") == ()


@pytest.mark.parametrize("idea", ["", "🦊", "שלום עולם", "ثعلب أحمر في الثلج", "x" * 4000, "word " * 800, "雪の中の狐"])
def test_any_caption_can_be_filmed(tmp_path: Path, idea: str) -> None:
    film(board(request=VideoRequest(idea=idea, words=idea[:200]), duration_s=0.5), tmp_path / "a.mp4")
    assert tracks(tmp_path / "a.mp4")[0] == pytest.approx(0.5, abs=0.05)


# --- provider --------------------------------------------------------------------------------------------------------


def order(key: str = "v1-1", **changes: object) -> VideoOrder:
    plain = VideoOrder(
        key=key, model="animatic", prompt="", request=VideoRequest(idea="a boat", shots=("one boat",)), duration_s=1,
        aspect="16:9", resolution="360p", sound=True, seed=3,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]  # the tests name real fields


async def outcome(provider: AnimaticVideoProvider, operation: str) -> OperationState:
    state = await provider.poll(operation)
    while isinstance(state, Running):
        await asyncio.sleep(0.01)
        state = await provider.poll(operation)
    return state


async def test_an_order_becomes_a_film_once(tmp_path: Path) -> None:
    provider = AnimaticVideoProvider(tmp_path / "work")
    operation = await provider.order(order())
    assert await provider.order(order()) == operation == await provider.reconcile("v1-1", "animatic")
    state = await outcome(provider, operation)
    assert isinstance(state, Finished)
    for _ in range(2):
        await provider.fetch(operation, state.location, tmp_path / "clip.mp4")
    assert good(await media.probe(tmp_path / "clip.mp4"), duration_s=1, aspect="16:9")
    assert not await provider.cancel(operation)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["clip.mp4"]


async def test_polling_after_a_restart_goes_on(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "photo.png")
    gone = AnimaticVideoProvider(tmp_path / "work", at_once=1)
    request = VideoRequest(idea="a boat", first_frame=MediaRef(name="x", mime_type="image/png"))
    operation = await gone.order(order(request=request, first_frame=tmp_path / "photo.png"))
    (tmp_path / "photo.png").unlink()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:  # what a stop of the program does
        task.cancel()
        await asyncio.wait([task])
    assert not list((tmp_path / "work").glob("*.mp4"))
    assert isinstance(await outcome(AnimaticVideoProvider(tmp_path / "work"), operation), Finished)


async def test_a_second_film_waits_for_the_first(tmp_path: Path) -> None:
    provider = AnimaticVideoProvider(tmp_path, at_once=1)
    first, second = await provider.order(order("a")), await provider.order(order("b"))
    assert await provider.poll(second) == Running(fraction=0.0)
    assert isinstance(await outcome(provider, first), Finished)
    assert isinstance(await outcome(provider, second), Finished)


async def test_cancelling_an_order_is_final(tmp_path: Path) -> None:
    provider = AnimaticVideoProvider(tmp_path)
    operation = await provider.order(order(duration_s=15))
    assert await provider.cancel(operation)
    assert await provider.poll(operation) == Failed(reason="cancelled")
    assert await AnimaticVideoProvider(tmp_path).poll(operation) == Failed(reason="cancelled")
    assert not list(tmp_path.glob("*.mp4*"))


async def test_what_cannot_work_is_said(tmp_path: Path) -> None:
    provider = AnimaticVideoProvider(tmp_path)
    with pytest.raises(OrderRefused):
        await provider.order(order(resolution="4k"))
    with pytest.raises(PermanentError):
        await provider.poll("animatic-unknown")
    with pytest.raises(PermanentError):
        await provider.poll("../../etc/passwd")
    assert await provider.reconcile("unknown", "animatic") is Reconciliation.NOTHING
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    operation = await provider.order(order("c", first_frame=tmp_path / "bad.jpg"))
    state = await outcome(provider, operation)
    assert isinstance(state, Failed) and "first frame" in state.reason
