"""The rules: what they read in what people write, how fast, and what they write themselves."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.rules import RulesDialogueModel
from core.catalogue import load_catalogue
from core.messages import Attachment, MediaKind
from core.reading import Intent, OpenQuestion, PromptInput, Reading, ReadingInput, Step
from core.request import SILENT, SPOKEN_SLOTS, MediaRef, Tier, VideoRequest

RULES = RulesDialogueModel()
FOX = VideoRequest(idea="a red fox in the snow", subject="a red fox", setting="in the snow")
STYLE = OpenQuestion(
    slot="style",
    text="Which look?",
    options=(("Realistic", "realistic"), ("Anime", "anime"), ("Oil painting", "oil painting"), ("You decide", "")),
)
LENGTH = OpenQuestion(
    slot="duration_s",
    text="How long?",
    options=(("4 s", "4"), ("6 s", "6"), ("8 s · $0.80", "8"), ("You decide", "")),
)
SHAPE = OpenQuestion(slot="aspect", text="Which shape?", options=(("Wide", "16:9"), ("Tall", "9:16")))
QUALITY = OpenQuestion(slot="tier", text="Which quality?", options=(("Draft", "draft"), ("Best", "best")))
SUBJECT = OpenQuestion(slot="subject", text="Who is in it?", options=(("A cat", "a cat"), ("You decide", "")))
CHANGE = OpenQuestion(
    slot="change",
    text="What should be different?",
    options=(("6 s", "6"), ("Tall 9:16", "9:16"), ("No sound", "silent")),
)
SOUND = OpenQuestion(slot="audio", text="What is heard?", options=(("Music", "music"), ("You decide", "")))


async def read(text: str, **more: Any) -> Reading:
    return await RULES.read(ReadingInput(text=text, **more))


async def only(text: str, **more: Any) -> Step:
    (step,) = (await read(text, **more)).steps
    return step


# --- new wishes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (
            "make me a video of a red fox in the snow",
            {"idea": "a red fox in the snow", "subject": "a red fox", "setting": "in the snow"},
        ),
        ("a red fox", {"idea": "a red fox", "subject": "a red fox"}),
        ("make me a video", {}),
        ("generate", {}),
        ("Make a short funny cat video", {"mood": "funny", "idea": "a funny cat", "subject": "a funny cat"}),
        ("hi, I'd like a clip about bees please", {"idea": "bees", "subject": "bees"}),
        ("2 8s videos of a cat", {"duration_s": 8, "idea": "a cat", "subject": "a cat"}),
        ("haz un video de un zorro rojo", {"idea": "un zorro rojo", "subject": "un zorro rojo"}),
        ("mach mir ein Video von einem Fuchs", {"idea": "einem Fuchs", "subject": "einem Fuchs"}),
        ("сделай видео про лису", {"idea": "лису", "subject": "лису"}),
        ("зроби відео про кота", {"idea": "кота", "subject": "кота"}),
        ("雪の中の赤い狐", {"idea": "雪の中の赤い狐", "subject": "雪の中の赤い狐"}),
        ("ثعلب أحمر في الثلج", {"idea": "ثعلب أحمر في الثلج", "subject": "ثعلب أحمر في الثلج"}),
        ("🦊❄️", {"idea": "🦊❄️", "subject": "🦊❄️"}),
        (
            "a man in a suit walking in Paris",
            {"idea": "a man in a suit walking in Paris", "subject": "a man in a suit walking", "setting": "in Paris"},
        ),
        (
            "a cat playing piano on a rooftop at sunset, rain falling",
            {
                "idea": "a cat playing piano on a rooftop at sunset, rain falling",
                "subject": "a cat playing piano, rain falling",
                "setting": "on a rooftop at sunset",
            },
        ),
        ("make a video of a V8 engine", {"idea": "a V8 engine", "subject": "a V8 engine"}),
    ],
)
async def test_a_wish(text: str, changes: dict[str, Any]) -> None:
    step = await only(text)
    assert step.intent is Intent.CREATE
    assert dict(step.changes) == changes


@pytest.mark.parametrize(
    ("text", "slot", "value"),
    [
        ("a fox, 8 seconds", "duration_s", 8),
        ("a fox, 8s", "duration_s", 8),
        ("an eight-second clip of a fox", "duration_s", 8),
        ("a fox for half a minute", "duration_s", 30),
        ("a fox, a minute and a half", "duration_s", 90),
        ("a fox, 5-10 seconds", "duration_s", 10),
        ("a fox, 5 to 10 s", "duration_s", 10),
        ("ein Fuchs, zehn Sekunden", "duration_s", 10),
        ("лиса, 8 секунд", "duration_s", 8),
        ("a portrait video of a fox", "aspect", "9:16"),
        ("a fox, vertical", "aspect", "9:16"),
        ("a fox for tiktok", "aspect", "9:16"),
        ("a fox as a story", "aspect", "9:16"),
        ("a youtube video of a fox", "aspect", "16:9"),
        ("a fox in landscape", "aspect", "16:9"),
        ("a square video of a fox", "aspect", "1:1"),
        ("a fox 9:16", "aspect", "9:16"),
        ("a fox, 1920 x 1080, 16x9", "aspect", "16:9"),
        ("a fox in 4k", "resolution", "4k"),
        ("a fox in full hd", "resolution", "1080p"),
        ("a fox, hd", "resolution", "720p"),
        ("a fox, best quality", "tier", Tier.BEST),
        ("a fox as a draft", "tier", Tier.DRAFT),
        ("a fox in anime style", "style", "anime"),
        ("a fox in black and white", "style", "black and white"),
        ("an 80s music video", "style", "1980s"),
        ("a drone shot of a beach", "camera", "drone shot"),
        ("a fox in slow motion", "camera", "slow motion"),
        ("a scary fox", "mood", "scary"),
        ("a fox, no sound", "audio", SILENT),
        ("a mute video of a fox", "audio", SILENT),
        ("a fox with epic orchestral music", "audio", "epic orchestral music"),
        ("a beach with the sound of waves", "audio", "sound of waves"),
        ('a man says "good morning"', "audio", 'spoken: "good morning"'),
        ('a shop with a sign that says "OPEN DAY"', "words", "OPEN DAY"),
        ('a party with the words "OPEN DAY"', "words", "OPEN DAY"),
        ("a party titled “Summer”", "words", "Summer"),
        ("a street without people", "avoid", "people"),
        ("a street, no cars or people", "avoid", "cars"),
        ("a man talking in Spanish", "language", "es"),
    ],
)
async def test_what_a_wish_says_about_the_clip(text: str, slot: str, value: Any) -> None:
    step = await only(text)
    assert step.intent is Intent.CREATE
    assert step.changes[slot] == value


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("a portrait of a woman", "aspect"),
        ("a black and white cat", "style"),
        ("a square in Paris", "aspect"),
        ("a story about a dog", "aspect"),
        ("a man playing music", "audio"),
        ("the best day of my life", "tier"),
        ("a second video of a dog", "duration_s"),
        ("a landscape of mountains", "aspect"),
    ],
)
async def test_words_that_mean_something_else_there(text: str, slot: str) -> None:
    assert slot not in (await only(text)).changes


async def test_what_is_only_about_the_file_is_not_part_of_the_idea() -> None:
    step = await only("8 second portrait video of a fox in 4k, anime style")
    assert step.changes["idea"] == "a fox, anime style"
    assert step.changes["subject"] == "a fox"


@pytest.mark.parametrize(
    ("text", "ideas"),
    [
        ("make a video of a cat. and another one of a dog", ["a cat", "a dog"]),
        ("two videos: a cat on a roof; a dog", ["a cat on a roof", "a dog"]),
        ("3 portrait videos: a cat, a dog and a bird", ["a cat", "a dog", "a bird"]),
        ("two videos, one of a cat and one of a dog", ["a cat", "a dog"]),
        ("Make these:\n1. a cat\n2) a dog\n3. a bird", ["a cat", "a dog", "a bird"]),
        ("- a cat\n- a dog", ["a cat", "a dog"]),
        ("Make a video of a cat. Make a video of a dog, 8 s.", ["a cat", "a dog"]),
    ],
)
async def test_several_wishes(text: str, ideas: list[str]) -> None:
    steps = (await read(text)).steps
    assert [step.changes["idea"] for step in steps] == ideas
    assert {step.intent for step in steps} == {Intent.CREATE}


async def test_what_is_said_for_all_wishes_counts_for_each() -> None:
    steps = (await read("3 portrait videos: a cat, a dog and a bird")).steps
    assert [step.changes["aspect"] for step in steps] == ["9:16"] * 3


async def test_shots_are_one_clip() -> None:
    step = await only("Shot 1: a door opens\nShot 2: a cat walks in")
    assert step.changes["shots"] == ("a door opens", "a cat walks in")
    step = await only("a video of my day in three shots:\n- waking up\n- coffee\n- the office")
    assert step.changes["shots"] == ("waking up", "coffee", "the office")


@pytest.mark.parametrize(
    "text", ["a fox now", "just do it: a fox", "make a video of a fox asap", "a fox, no questions"]
)
async def test_a_hurry_in_a_wish(text: str) -> None:
    reading = await read(text)
    assert reading.hurry
    assert reading.steps[0].changes["idea"] == "a fox"


async def test_no_hurry_in_the_story() -> None:
    assert not (await read("a quick brown fox")).hurry
    assert not (await read("a city now and then")).hurry


# --- remarks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("help", Intent.HELP),
        ("What can you do?", Intent.HELP),
        ("hi", Intent.HELP),
        ("Hello!", Intent.HELP),
        ("hilfe", Intent.HELP),
        ("how much does it cost?", Intent.HELP),
        ("what is veo?", Intent.HELP),
        ("???", Intent.HELP),
        ("thanks!", Intent.CHAT),
        ("спасибо", Intent.CHAT),
        ("12345", Intent.CHAT),
        ("a", Intent.CHAT),
        ("please", Intent.CHAT),
        ("👍", Intent.CHAT),
        ("yes", Intent.CHAT),
        ("how is it going?", Intent.STATUS),
        ("is it ready?", Intent.STATUS),
        ("status", Intent.STATUS),
        ("my videos", Intent.LIST),
        ("settings", Intent.SETTINGS),
        ("cancel", Intent.CANCEL),
        ("never mind", Intent.CANCEL),
        ("Stop please", Intent.CANCEL),
        ("отмена", Intent.CANCEL),
        ("child porn", Intent.UNSAFE),
        ("a naked child", Intent.UNSAFE),
        ("", Intent.CHAT),
    ],
)
async def test_remarks(text: str, intent: Intent) -> None:
    assert (await only(text)).intent is intent


async def test_no_false_alarm() -> None:
    assert (await only("kids in a park, no nudity, no sex")).intent is Intent.CREATE
    assert (await only("a naked mole rat")).intent is Intent.CREATE


@pytest.mark.parametrize(
    "text", ["yes", "Yes please!", "ok", "do it", "ja", "sí", "oui", "да", "так", "sim", "👍", "go ahead", "d'accord"]
)
async def test_yes_to_a_card(text: str) -> None:
    assert (await only(text, request=FOX, open_card=True)).intent is Intent.CONFIRM


@pytest.mark.parametrize("text", ["no", "nope", "cancel it", "👎", "nein", "нет"])
async def test_no_to_a_card(text: str) -> None:
    assert (await only(text, request=FOX, open_card=True)).intent is Intent.CANCEL


async def test_now_alone() -> None:
    reading = await read("now", question=STYLE, request=FOX)
    assert reading.hurry
    assert reading.steps == (Step(intent=Intent.ANSWER, changes={"style": None}),)
    reading = await read("just do it!", request=FOX, open_card=True)
    assert reading.hurry
    assert reading.steps == (Step(intent=Intent.REFINE),)


async def test_pictures_without_words() -> None:
    photo = Attachment(kind=MediaKind.PHOTO, ref="x")
    assert (await only("", attachments=(photo,))).intent is Intent.CREATE
    assert (await only("", attachments=(photo,), request=FOX)).intent is Intent.REFINE
    voice = Attachment(kind=MediaKind.VOICE, ref="x")
    assert (await only("", attachments=(voice,))).intent is Intent.CHAT
    assert (await only("make it dance", attachments=(photo,), finished=(12,))).intent is Intent.CREATE


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("make me a video of a fox", "en"),
        ("mach mir bitte ein Video von einem Fuchs", "de"),
        ("haz un video de un zorro en la nieve", "es"),
        ("сделай видео", "ru"),
        ("зроби відео", "uk"),
        ("赤い狐", "ja"),
        ("fox", ""),
        ("🦊", ""),
    ],
)
async def test_language(text: str, language: str) -> None:
    assert (await read(text)).language == language


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "text", "changes"),
    [
        (STYLE, "anime", {"style": "anime"}),
        (STYLE, "Oil painting!", {"style": "oil painting"}),
        (STYLE, "2", {"style": "anime"}),
        (STYLE, "number 2", {"style": "anime"}),
        (STYLE, "the third one", {"style": "oil painting"}),
        (STYLE, "the last one", {"style": None}),
        (STYLE, "you decide", {"style": None}),
        (STYLE, "surprise me", {"style": None}),
        (STYLE, "egal", {"style": None}),
        (STYLE, "none", {"style": None}),
        (STYLE, "like a wes anderson film", {"style": "like a wes anderson film"}),
        (STYLE, "anime, 8 seconds, portrait", {"style": "anime", "duration_s": 8, "aspect": "9:16"}),
        (LENGTH, "8", {"duration_s": 8}),
        (LENGTH, "8s", {"duration_s": 8}),
        (LENGTH, "1", {"duration_s": 4}),
        (LENGTH, "about 5", {"duration_s": 5}),
        (LENGTH, "ten", {"duration_s": 10}),
        (LENGTH, "20 s", {"duration_s": 20}),
        (LENGTH, "whatever", {"duration_s": None}),
        (SHAPE, "tall", {"aspect": "9:16"}),
        (SHAPE, "3", {"aspect": None}),
        (STYLE, "watercolor with soft edges", {"style": "watercolor with soft edges"}),
        (STYLE, "make it anime", {"style": "anime"}),
        (CHANGE, "6 s", {"duration_s": 6}),
        (CHANGE, "2", {"aspect": "9:16"}),
        (CHANGE, "no sound", {"audio": SILENT}),
        (CHANGE, "nothing", {}),
        (CHANGE, "whatever", {}),
        (SHAPE, "upright please", {"aspect": "9:16"}),
        (SHAPE, "16:9", {"aspect": "16:9"}),
        (QUALITY, "best", {"tier": Tier.BEST}),
        (QUALITY, "the cheapest", {"tier": Tier.DRAFT}),
        (SOUND, "nothing", {"audio": SILENT}),
        (SOUND, "rain on a roof", {"audio": "rain on a roof"}),
        (
            SUBJECT,
            "a whale under water",
            {"idea": "a whale under water", "subject": "a whale", "setting": "under water"},
        ),
    ],
)
async def test_answers(question: OpenQuestion, text: str, changes: dict[str, Any]) -> None:
    step = await only(text, question=question, request=FOX)
    assert step.intent is Intent.ANSWER
    assert dict(step.changes) == changes


@pytest.mark.parametrize(
    ("question", "text", "intent"),
    [
        (STYLE, "8 seconds", Intent.REFINE),
        (STYLE, "make it longer", Intent.REFINE),
        (STYLE, "cancel", Intent.CANCEL),
        (STYLE, "what is that?", Intent.HELP),
        (STYLE, "thanks", Intent.CHAT),
        (STYLE, "make me a video of a dog", Intent.CREATE),
        (STYLE, "5", Intent.CHAT),
        (STYLE, "status", Intent.STATUS),
        (LENGTH, "portrait", Intent.REFINE),
        (CHANGE, "at night", Intent.REFINE),
        (CHANGE, "with a hat", Intent.REFINE),
    ],
)
async def test_what_is_no_answer_is_not_read_as_one(question: OpenQuestion, text: str, intent: Intent) -> None:
    assert (await only(text, question=question, request=FOX)).intent is intent


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("anime", Intent.ANSWER),
        ("2", Intent.ANSWER),
        ("shall we have lunch?", Intent.ASIDE),
        ("like my old shoes", Intent.ASIDE),
        ("hi", Intent.ASIDE),
        ("thanks", Intent.ASIDE),
        ("no", Intent.ASIDE),
        ("stop it, Bob", Intent.ASIDE),
        ("make it longer", Intent.REFINE),
    ],
)
async def test_people_talking_to_each_other(text: str, intent: Intent) -> None:
    assert (await only(text, question=STYLE, request=FOX, private=False, addressed=False)).intent is intent


# --- changes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("make it longer", {"duration_s": 12}),
        ("shorter", {"duration_s": 6}),
        ("twice as long", {"duration_s": 16}),
        ("2 seconds longer", {"duration_s": 10}),
        ("same but at night", {"setting": "at night"}),
        ("in portrait", {"aspect": "9:16"}),
        ("16:9", {"aspect": "16:9"}),
        ("8 seconds", {"duration_s": 8}),
        ("half a minute", {"duration_s": 30}),
        ("silent", {"audio": SILENT}),
        ("no music", {"audio": "no music, only the sounds of the scene"}),
        ("in 1080p", {"resolution": "1080p"}),
        ("cheaper", {"tier": Tier.DRAFT}),
        ("best quality", {"tier": Tier.BEST}),
        ("anime style", {"style": "anime"}),
        ("change it to anime", {"style": "anime"}),
        ("make it dark and moody", {"mood": "dark, moody"}),
        ("without people", {"avoid": "people"}),
        ("can you make it square?", {"aspect": "1:1"}),
        ("with a hat", {"idea": "a red fox in the snow; with a hat"}),
        ("make the sky green", {"idea": "a red fox in the snow; the sky green"}),
        ("replace the fox with a wolf", {"subject": "a red wolf", "idea": "a red wolf in the snow"}),
        ("a dog on the beach", {"subject": "a dog", "setting": "on the beach", "idea": "a dog on the beach"}),
    ],
)
async def test_changes_to_a_card(text: str, changes: dict[str, Any]) -> None:
    step = await only(text, request=FOX, open_card=True)
    assert step.intent is Intent.REFINE
    assert dict(step.changes) == changes


@pytest.mark.parametrize(
    ("text", "intent", "target", "changes"),
    [
        ("v12: in portrait", Intent.REFINE, 12, {"aspect": "9:16"}),
        ("v12 but at night", Intent.REFINE, 12, {"setting": "at night"}),
        ("make v12 longer", Intent.REFINE, 12, {"duration_s": 12}),
        ("cancel v12", Intent.CANCEL, 12, {}),
        ("how is v12 going?", Intent.STATUS, 12, {}),
        ("v12", Intent.STATUS, 12, {}),
        ("same but at night", Intent.REFINE, None, {"setting": "at night"}),
        ("at night", Intent.REFINE, None, {"setting": "at night"}),
    ],
)
async def test_changes_to_a_clip(text: str, intent: Intent, target: int | None, changes: dict[str, Any]) -> None:
    step = await only(text, finished=(12, 11))
    assert (step.intent, step.target, dict(step.changes)) == (intent, target, changes)


@pytest.mark.parametrize("text", ["a dog on the beach", "make a video of a dog", "another one of a dog"])
async def test_a_new_wish_beside_a_finished_clip(text: str) -> None:
    assert (await only(text, finished=(12,))).intent is Intent.CREATE
    assert (await only(text, finished=(12,), request=FOX)).intent is Intent.CREATE


async def test_changes_start_from_the_clip_at_hand() -> None:
    request = VideoRequest(idea="a red fox in the snow", subject="a red fox", setting="in the snow", duration_s=4)
    assert (await only("longer", finished=(12,), request=request)).changes == {"duration_s": 6}
    assert (await only("v12: longer", finished=(12, 11), request=request)).changes == {"duration_s": 6}
    assert (await only("v11: longer", finished=(12, 11), request=request)).changes == {"duration_s": 12}
    step = await only("with a hat", finished=(12,), request=request)
    assert step.changes == {"idea": "a red fox in the snow; with a hat"}


async def test_two_changes_are_two_steps() -> None:
    steps = (await read("longer, and in Spanish", finished=(12,))).steps
    assert [dict(step.changes) for step in steps] == [{"duration_s": 12}, {"language": "es"}]


# --- anything at all -------------------------------------------------------------------------------------------------

SCRAPS = st.sampled_from(
    ["a ", "make ", "video ", "of ", "and another one of ", '"', "“", "v12 ", "8 s", "1. x\n", "with ", "in ", "no ",
     "²", "replace the ", "shot 1: ", "half a ", ", ", "; ", "🦊", "音", "9:16 ", "music ", "\x00", "says ",
     "٣ seconds "]
)  # fmt: skip


TEXTS = st.one_of(st.text(max_size=200), st.lists(SCRAPS, max_size=60).map("".join))


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from((None, STYLE, LENGTH)))
def test_nothing_breaks_it_and_it_is_always_the_same(text: str, question: OpenQuestion | None) -> None:
    from adapters.rules.reading import read as read_at_once

    for more in ({}, {"request": FOX, "open_card": True}, {"private": False, "addressed": False, "finished": (12,)}):
        given_text = ReadingInput(text=text, question=question, **more)  # type: ignore[arg-type]
        reading = read_at_once(given_text)
        assert reading.steps
        assert reading == read_at_once(given_text)
        for step in reading.steps:
            assert set(step.changes) <= set(SPOKEN_SLOTS)


@pytest.mark.parametrize(
    "unit",
    [
        "a ",
        " ",
        "\n",
        '"',
        "“a",
        "and another one of ",
        "1. a\n",
        "v12 ",
        "replace the ",
        ", ",
        "with music ",
        "1-",
        "雪",
    ],
)
async def test_a_hostile_text_takes_no_longer_than_a_long_one(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    for more in ({}, {"request": FOX, "open_card": True}, {"request": FOX, "question": STYLE}):
        start = time.process_time()
        await read(text, **more)
        assert time.process_time() - start < 0.3  # some 5 ms on an idle machine


# --- writing ---------------------------------------------------------------------------------------------------------


async def prompt(request: VideoRequest, *, sound: bool = True, family: str = "veo", negative: bool = True) -> str:
    given_prompt = PromptInput(
        request=request,
        duration_s=8,
        aspect="16:9",
        sound=sound,
        guide=load_catalogue().guides[family],
        negative_prompt=negative,
    )
    return (await RULES.write_prompt(given_prompt)).texts[0]


async def test_a_prompt_in_the_guides_order() -> None:
    request = VideoRequest(
        idea="a red fox in the snow", subject="a red fox jumps", setting="in the snow", style="anime",
        camera="close-up", mood="playful", audio="spoken: “Hello”", language="es",
    )  # fmt: skip
    assert await prompt(request) == (
        "Close-up. A red fox jumps in the snow. Style: anime. Mood: playful. "
        'Audio: spoken: "Hello". Speech is in Spanish. (no subtitles)'
    )


async def test_a_prompt_of_a_simple_wish() -> None:
    assert await prompt(FOX, sound=False, family="omni") == (
        "Smooth, steady camera. A red fox in the snow. Realistic style, natural light. No sound. "
        "Single continuous shot, no scene cuts."
    )


async def test_words_negatives_and_pictures_in_a_prompt() -> None:
    media = MediaRef(name="f", mime_type="image/png")
    request = VideoRequest(
        words='the "best" day', avoid="people", first_frame=media, last_frame=media, references=(media,)
    )
    text = await prompt(request, negative=False)
    assert "The words \"the 'best' day\" are shown on screen" in text
    assert "(no subtitles)" not in text
    assert "Do not show: people." in text
    assert "Begin with the given first picture" in text
    assert "End on the given last picture" in text
    assert "reference pictures" in text
    assert "Do not show" not in await prompt(request, negative=True)


async def test_shots_in_a_prompt() -> None:
    request = VideoRequest(idea="x", shots=("a door opens", "a cat walks in"))
    assert "[0-4s] A door opens. [4-8s] A cat walks in." in await prompt(request, family="omni")
    assert "Shot 1: A door opens. Shot 2: A cat walks in." in await prompt(request, family="veo")


async def test_what_the_idea_adds_is_said_as_well() -> None:
    text = await prompt(VideoRequest(idea="with a hat", subject="a red fox", setting="in the snow"))
    assert "a red fox in the snow".capitalize() in text
    assert "With a hat." in text


async def test_a_prompt_never_gets_too_long() -> None:
    long = "word " * 2_000
    request = VideoRequest(**dict.fromkeys(("idea", "subject", "setting", "style", "camera", "mood", "audio"), long))  # type: ignore[arg-type]
    assert len(await prompt(request, negative=False)) <= 2_000
    assert len(await prompt(VideoRequest(idea="x", shots=("y" * 4_000,) * 12), family="omni")) <= 2_000
    assert len(await prompt(VideoRequest())) > 20


async def test_softer_ideas() -> None:
    first, second = (await RULES.rewrite(VideoRequest(idea="a boy shoots Donald Trump with a gun"), "people")).texts
    assert first == "a man splashes somebody with a water pistol, harmless and good-humoured, everybody is safe"
    assert second == "a gentle cartoon for the whole family: a man splashes somebody with a water pistol"
    assert len(set((await RULES.rewrite(VideoRequest(), "")).texts)) == 2
