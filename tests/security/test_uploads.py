"""Files from strangers: what they are called and said to be counts for nothing, and nothing unpacks to fill memory."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import av
import pytest
from PIL import Image

from adapters.animatic.photographs import photograph
from adapters.pyav import PyAVMedia
from adapters.pyav.files import MAX_PIXELS as LARGEST_FRAME
from core import texts
from core.errors import PermanentError, UnplayableClip
from core.messages import Attachment, MediaKind
from core.pictures import HEAD_BYTES, MAX_PIXELS, picture_facts
from tests.emulators.footage import make_footage
from tests.pictures import jpeg, png
from tests.stage import Stage

WISH = "the fox turns its head, cinematic, 4 seconds"


def archive() -> bytes:
    """A zip bomb in little: its name wants to leave the folder."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("../../../../tmp/outside", bytes(5_000_000))
    return file.getvalue()


def attachment(*, mime_type: str = "image/jpeg", size: int = 12, file_name: str = "") -> Attachment:
    return Attachment(kind=MediaKind.PHOTO, ref="file", mime_type=mime_type, size_bytes=size, file_name=file_name)


LIES = {
    "a web page": b"<!doctype html><script>alert(1)</script>",
    "a drawing": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1/"/></svg>',
    "an archive": archive(),
    "a program": b"\x7fELF" + bytes(60),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "a GIF": b"GIF89a" + bytes(20),
    "half a head": b"\xff\xd8\xff\xe0",
    "a picture without a size": b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + bytes(13),
    "nothing": b"",
}


@pytest.mark.parametrize("content", LIES.values(), ids=LIES)
async def test_what_only_calls_itself_a_picture_is_not_kept(stage: Stage, content: bytes) -> None:
    stage.platform.files["file"] = content
    await stage.say(WISH, attachments=(attachment(file_name="../../etc/fox.jpg"),))
    assert texts.talk.NO_PICTURE in stage.platform.transcript()
    assert (await stage.generation()).request.first_frame is None
    assert not [path for path in stage.folder.rglob("*") if path.is_file() and path.stat().st_size == len(content) > 0]


async def test_the_type_is_the_files_own(stage: Stage) -> None:
    stage.platform.files["file"] = png()
    await stage.say(WISH, attachments=(attachment(mime_type="image/webp"),))
    frame = (await stage.generation()).request.first_frame
    assert frame is not None
    assert frame.mime_type == "image/png" and frame.name.endswith(".png")


@pytest.mark.parametrize(
    "name", ["../../../outside.jpg", "/etc/passwd", "..\\..\\x.jpg", "a\x00b.jpg", "~/.ssh/id", "x" * 9_000]
)
async def test_no_path_comes_from_a_file_name(stage: Stage, name: str) -> None:
    stage.platform.files["file"] = jpeg()
    await stage.say(WISH, attachments=(attachment(file_name=name),))
    frame = (await stage.generation()).request.first_frame
    assert frame is not None
    conversation = await stage.conversation()
    assert frame.name.startswith(f"inputs/{conversation}/") and frame.name.endswith("-0.jpg")
    kept = [path.relative_to(stage.folder) for path in stage.folder.rglob("*.jpg")]
    assert kept == [Path("media") / frame.name]


@pytest.mark.parametrize("mime_type", ["../../x", "image/../../x", "text/html", "image/svg+xml", "", "x" * 9_000])
async def test_no_ending_comes_from_a_type(stage: Stage, mime_type: str) -> None:
    stage.platform.files["file"] = archive()
    await stage.say(WISH, attachments=(Attachment(kind=MediaKind.DOCUMENT, ref="file", mime_type=mime_type),))
    kept = [path.name for path in (stage.folder / "media" / "inputs").rglob("*") if path.is_file()]
    assert kept == [f"{name.partition('-')[0]}-0.bin" for name in kept] and len(kept) == 1


async def test_a_file_that_grew_on_its_way_is_refused(stage: Stage) -> None:
    """A size that was announced binds nobody."""
    most = stage.platform.limits.download_bytes
    stage.platform.files["file"] = jpeg() + bytes(most)
    await stage.say(WISH, attachments=(attachment(size=12),))
    assert "larger than I may fetch" in stage.platform.transcript()
    assert not list((stage.folder / "media").rglob("*.jpg"))


async def test_of_very_many_files_only_an_album_is_fetched(stage: Stage) -> None:
    stage.platform.files["file"] = jpeg()
    await stage.say(WISH, attachments=(attachment(),) * 3_000)
    assert len(list((stage.folder / "media").rglob("*.jpg"))) == 10


# --- pictures that unpack ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [png(width=13_000, height=13_000), png(width=1, height=40_000), jpeg(width=65_500, height=65_500)],
    ids=["169 million pixels in 20 kB", "a thread", "a JPEG"],
)
async def test_a_picture_that_unpacks_to_a_gigabyte_is_refused(stage: Stage, content: bytes) -> None:
    stage.platform.files["file"] = content
    await stage.say(WISH, attachments=(attachment(),))
    assert texts.talk.TOO_MANY_PIXELS.format(most=MAX_PIXELS // 1_000_000) in stage.platform.transcript()
    assert (await stage.generation()).request.first_frame is None


def test_of_two_sizes_in_one_jpeg_the_larger_counts() -> None:
    small, large = jpeg(width=8, height=8), jpeg(width=65_000, height=65_000)
    frames = small[: small.index(b"\xff\xda")] + large[large.index(b"\xff\xc0") :]
    facts = picture_facts(frames)
    assert facts is not None and facts.width == 65_000 and facts.too_large


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "options", [{}, {"lossless": True}, {"progressive": True}, {"exif": b"Exif\0\0" + bytes(9_000)}]
)
def test_real_pictures_are_what_they_are(form: str, options: dict[str, object]) -> None:
    file = io.BytesIO()
    Image.new("RGBA" if form == "WEBP" else "RGB", (321, 123)).save(file, form, **options)
    facts = picture_facts(file.getvalue())
    assert facts is not None
    assert (facts.mime_type, facts.width, facts.height) == (f"image/{form.lower()}", 321, 123)
    assert not facts.too_large


def test_heads_of_any_bytes_are_looked_at_once() -> None:
    for head in (b"\xff\xd8" + b"\xff" * HEAD_BYTES, b"\xff\xd8\xff" + b"\xd0\xff" * (HEAD_BYTES // 2)):
        assert picture_facts(head) is None


@pytest.mark.parametrize(
    "content",
    [LIES["PostScript"], LIES["a GIF"], LIES["a drawing"], png(width=9_000, height=9_000), png()[:40], b""],
    ids=["PostScript", "a GIF", "a drawing", "a bomb", "cut", "empty"],
)
def test_the_storyboard_decodes_only_bounded_photographs(tmp_path: Path, content: bytes) -> None:
    """Also without the look at the door, as for a picture that was kept by an older version."""
    (tmp_path / "picture").write_bytes(content)
    with pytest.raises(PermanentError, match="not a picture that can be read"):
        photograph(tmp_path / "picture", (64, 36))
    (tmp_path / "picture").write_bytes(png())
    assert photograph(tmp_path / "picture", (32, 18)).size == (32, 18)


# --- clips that are none ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        "ffconcat version 1.0\nfile 'other.mp4'\n",
        "ffconcat version 1.0\nfile 'clip.mp4'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nother.mp4\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    ],
    ids=["another file", "itself", "a playlist", "a stream"],
)
async def test_a_clip_that_is_a_list_of_other_files_opens_none(tmp_path: Path, script: str) -> None:
    make_footage(tmp_path / "other.mp4", seconds=1, width=64, height=36, audio=False)
    await PyAVMedia().probe(tmp_path / "other.mp4")
    (tmp_path / "clip.mp4").write_text(script)
    with pytest.raises(UnplayableClip):
        await PyAVMedia().probe(tmp_path / "clip.mp4")


async def test_frames_of_any_size_do_not_fill_the_memory(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        video = container.add_stream("mpeg4", rate=1)
        video.width, video.height, video.pix_fmt = 8_000, 2_400, "yuv420p"
        container.mux(video.encode(av.VideoFrame(8_000, 2_400, "yuv420p")))
        container.mux(video.encode(None))
    assert LARGEST_FRAME < 8_000 * 2_400
    with pytest.raises(UnplayableClip, match="larger than any clip"):
        await PyAVMedia().probe(tmp_path / "clip.mp4")
    with pytest.raises(UnplayableClip):
        await PyAVMedia().probe(tmp_path / "clip.mp4", poster=tmp_path / "poster.jpg")
    assert not (tmp_path / "poster.jpg").exists()
