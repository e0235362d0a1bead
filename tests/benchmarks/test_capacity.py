"""The cost model: its arithmetic, the simulation against it, and what README says of both."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bot.settings import Settings
from core.catalogue import load_catalogue
from tests.benchmarks import capacity_page
from tests.benchmarks.capacity import FILL, Habits, Means, Model, Resource, as_it_comes, means_after
from tests.benchmarks.measured import Costs, Work, work_names
from tests.benchmarks.relays import Relay
from tests.benchmarks.simulation import PROGRESS_S, SIMULATED, Hour, simulate
from tests.benchmarks.stations import Places, Servers, Window, World

NOTHING = Work(**dict.fromkeys(work_names(), 0.0))
TURN = replace(NOTHING, cpu_ms=20.0, commits=3.0, messages=1.0, reads=1.0, bytes_out=10_000.0, database_bytes=4_000.0)
MADE = replace(
    NOTHING,
    cpu_ms=600.0,
    commits=10.0,
    messages=5.0,
    progress=12.0,
    writes=1.0,
    bytes_in=3e6,
    bytes_out=4e6,
    database_bytes=2_000.0,
    media_bytes=4e6,
)
COSTS = Costs(
    measured="2026-01-01",
    machine="a machine",
    turn=TURN,
    generation=MADE,
    idle=0.01,
    beyond_s=4.0,
    commits_per_s=1_000.0,
)
MODEL = Model(COSTS)
MEANS = as_it_comes(COSTS)
CLOSE = 0.05
"""By how much the simulation may differ, as a share: it has some thousand people who come by chance."""


# --- the arithmetic, by hand -----------------------------------------------------------------------------------------


def test_what_a_thousand_people_need_in_their_busiest_hour() -> None:
    # 600 turns and 225 videos in the hour
    needs = MODEL.needs(1_000)
    assert needs == pytest.approx(
        {
            "processor": (600 * 0.020 + 225 * 0.600) / 3_600 + 0.01,
            "commits": (600 * 3 + 225 * 10) / 3_600,
            "Telegram messages": (600 + 225 * 5) / 3_600,
            "Gemini, reading": 10.0,
            "Gemini, writing": 3.75,
            "video orders": 3.75,
            "videos in flight": 225 * 64 / 3_600,
            "network in": 225 * 3 * 8 / 3_600,
            "network out": (225 * 4 + 600 * 0.010) * 8 / 3_600,
            "disk": 90 * (4_000 * 4_000 + 1_500 * 4_002_000) / 1e9,
        }
    )
    assert MODEL.load(1_000, MEANS)["videos in flight"] == pytest.approx(1.0)
    assert MODEL.load(1_000, MEANS)["video orders"] == pytest.approx(3.75 / 50)


@pytest.mark.parametrize("resource", SIMULATED)
def test_a_resource_is_used_up_with_as_many_people_as_are_named(resource: Resource) -> None:
    people = MODEL.people_at(resource, MEANS)
    assert MODEL.load(people, MEANS)[resource] == pytest.approx(1.0)


def test_what_people_do_not_use_never_ends() -> None:
    assert Model(replace(COSTS, generation=NOTHING)).people_at("Gemini, writing", MEANS) == math.inf
    assert Model(replace(COSTS, idle=1.5)).people_at("processor", MEANS) == 0


def test_places_in_flight_end_first_and_what_ends_next_depends_on_what_is_added() -> None:
    assert MODEL.first_to_end(MEANS) == "videos in flight"
    assert MODEL.first_to_end(replace(MEANS, in_flight=10_000)) == "disk"
    assert MODEL.first_to_end(replace(MEANS, in_flight=10_000, object_store=True)) == "video orders"


def test_nothing_is_added_while_there_is_enough() -> None:
    assert MODEL.to_add(10, MEANS) == []
    assert means_after(MEANS, []) is MEANS


@pytest.mark.parametrize("people", [1_000, 20_000, 100_000, 5_000_000])
def test_what_is_added_is_enough_for_everything_and_each_resource_is_added_once(people: int) -> None:
    steps = MODEL.to_add(people, MEANS)
    after = means_after(MEANS, steps)
    assert max(MODEL.load(people, after).values()) <= FILL
    against = [step.against for step in steps]
    assert len(set(against) - {"disk"}) == len([one for one in against if one != "disk"])
    assert all(MODEL.load(people, MEANS)[one] > FILL for one in against)


def test_further_processes_come_with_postgresql() -> None:
    steps = MODEL.to_add(100_000, MEANS)
    assert not MEANS.postgresql
    # 4.083 processors' work, of which each process has 0.69 after its idling
    assert [step.means.processes for step in steps if step.against == "processor"] == [6]
    assert means_after(MEANS, steps).postgresql


def test_one_chat_has_what_one_person_has_under_way() -> None:
    assert MODEL.chat_share(MEANS) == pytest.approx(2 * (5 + 12) / 64)


def test_the_means_are_the_programs_defaults_and_the_catalogues_limits() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    assert MEANS.in_flight == defaults["max_in_flight"]
    assert MEANS.in_flight_per_person == defaults["max_in_flight_per_person"]
    assert MEANS.messages_per_s == defaults["telegram_messages_per_s"]
    assert defaults["worker_concurrency"] is None
    assert defaults["progress_edit_s"] == PROGRESS_S
    catalogue = load_catalogue()
    models = {model.id: model for model in catalogue.video}
    assert {models[name].orders_per_minute for name in models if name.startswith(("veo", "gemini"))} == {
        MEANS.orders_per_min
    }
    assert (
        models["gemini-omni-1.2-flash"].expected_s[0]
        <= Habits().video_s
        <= models["veo-3.1-generate-001"].expected_s[0]
    )


# --- what was measured -----------------------------------------------------------------------------------------------


def test_costs_are_read_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "costs.json"
    path.write_text(json.dumps(asdict(COSTS)))
    assert Costs.read(path) == COSTS


@pytest.mark.parametrize("change", [{"idle": None}, {"turn": {"cpu_ms": 1.0}}, {"commits": 1.0}])
def test_costs_with_something_missing_or_unknown_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "costs.json"
    found = asdict(COSTS) | change
    path.write_text(json.dumps({name: value for name, value in found.items() if value is not None}))
    with pytest.raises(TypeError):
        Costs.read(path)


def test_the_committed_costs_are_of_a_turn_that_is_answered_and_a_video_that_arrives() -> None:
    costs = Costs.read()
    turn, made = costs.turn, costs.generation
    assert turn.requests_in == made.requests_in == 1
    assert turn.messages >= 1 and turn.reads >= 1 and turn.commits >= 2
    assert turn.progress == 0 and made.progress > 5
    assert made.messages >= 3 and made.video_calls >= 3 and made.commits >= 5
    assert min(made.bytes_in, made.bytes_out, made.media_bytes) > 4_000_000
    assert 0 < turn.cpu_ms < made.cpu_ms
    assert 0 <= costs.idle < 0.5 and costs.beyond_s > 0 and costs.commits_per_s > 0


async def test_a_relay_counts_requests_and_bytes_both_ways_and_changes_none() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await reader.readline():
            writer.write(b"<" + asked + b">")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, Relay(server.sockets[0].getsockname()[1]) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(relay.url.rpartition(":")[2]))
        writer.write(b"GET / HTTP/1.1\r\n")
        assert await reader.readexactly(18) == b"<GET / HTTP/1.1\r\n>"
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
    assert (relay.sent, relay.answered, relay.requests) == (16, 18, 1)


# --- the stations of the simulation ----------------------------------------------------------------------------------


def test_a_server_does_one_thing_at_a_time_in_slices() -> None:
    world = World()
    servers = Servers(world, 1, 1.0)
    done: list[tuple[str, float]] = []
    servers.take(3.0, lambda: done.append(("long", world.now)))
    servers.take(1.0, lambda: done.append(("short", world.now)))
    world.run(2.5)
    assert (done, servers.waiting) == ([("short", 2.0)], 0.0)
    world.run(10.0)
    assert done[1:] == [("long", 4.0)]
    assert (servers.used, servers.came) == (4.0, 4.0)


def test_a_window_lets_as_many_through_as_it_says_and_squeezes_in_only_where_nobody_waits() -> None:
    world = World()
    window = Window(world, 2, 1.0)
    went: list[float] = []
    assert window.squeeze()
    for _ in range(4):
        window.take(lambda: went.append(world.now))
    assert not window.squeeze()
    world.run(5.0)
    assert went == pytest.approx([0.0, 1.0, 1.0, 2.0], abs=1e-6)
    assert window.used == 2.0


def test_a_place_is_taken_until_it_is_left() -> None:
    world = World()
    places = Places(world, 1)
    came: list[float] = []
    places.take(lambda: world.after(3.0, places.leave))
    places.take(lambda: came.append(world.now))
    world.run(2.0)
    assert (came, places.waiting) == ([], 1)
    world.run(4.0)
    assert (came, places.used) == ([3.0], 4.0)


# --- the simulation against the model --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def committed() -> Costs:
    return Costs.read()


@pytest.fixture(scope="module")
def simulated(committed: Costs) -> dict[int, Hour]:
    return capacity_page.hours(committed)


@pytest.mark.parametrize("people", capacity_page.SIZES)
def test_the_simulation_uses_what_the_model_says(people: int, committed: Costs, simulated: dict[int, Hour]) -> None:
    model, start, hour = Model(committed), as_it_comes(committed), simulated[people]
    load = model.load(people, means_after(start, model.to_add(people, start)))
    assert hour.grows is None
    assert dict(hour.use) == pytest.approx({resource: load[resource] for resource in SIMULATED}, rel=CLOSE)


def _scarce(resource: Resource, people: float) -> Means:
    """As it comes with ten times of everything that these people need, but of this one as much as they need."""
    needs = MODEL.needs(people)
    plenty = Means(
        processes=math.ceil(10 * needs["processor"]),
        commits_per_s=10 * needs["commits"],
        messages_per_s=10 * needs["Telegram messages"],
        reads_per_min=10 * needs["Gemini, reading"],
        writes_per_min=10 * needs["Gemini, writing"],
        orders_per_min=10 * needs["video orders"],
        in_flight=math.ceil(10 * needs["videos in flight"]),
        network_mbit_s=10 * (needs["network in"] + needs["network out"]),
        object_store=True,
    )
    return {
        "processor": replace(plenty, processes=1),
        "commits": replace(plenty, commits_per_s=needs["commits"]),
        "Telegram messages": replace(plenty, messages_per_s=round(needs["Telegram messages"])),
        "Gemini, reading": replace(plenty, reads_per_min=needs["Gemini, reading"]),
        "Gemini, writing": replace(plenty, writes_per_min=needs["Gemini, writing"]),
        "video orders": replace(plenty, orders_per_min=needs["video orders"]),
        "videos in flight": replace(plenty, in_flight=round(needs["videos in flight"])),
        "network in": replace(plenty, network_mbit_s=needs["network in"]),
        "network out": replace(plenty, network_mbit_s=needs["network out"]),
        "disk": plenty,
    }[resource]


_SCARCE: tuple[Resource, ...] = tuple(one for one in SIMULATED if one != "network in")
"""Of the two directions the one with more to carry ends first."""


@pytest.mark.parametrize("resource", _SCARCE)
def test_the_line_grows_where_the_model_says_that_it_ends_and_not_before(resource: Resource) -> None:
    means = _scarce(resource, 25_000)
    assert MODEL.first_to_end(means) == resource
    people = MODEL.people_at(resource, means)
    before, beyond = _hour(means, 0.8 * people), _hour(means, 1.2 * people)
    assert (before.grows, beyond.grows) == (None, resource)
    assert before.answered_within_s < 4.0
    assert before.begun_within_s < 20.0


def _hour(means: Means, people: float) -> Hour:
    return simulate(MODEL, means, people, turns=1_500)


def test_as_it_comes_the_line_for_a_place_in_flight_grows_with_a_fifth_more_people_than_it_takes(
    committed: Costs,
) -> None:
    model, means = Model(committed), as_it_comes(committed)
    first = model.first_to_end(means)
    people = model.people_at(first, means)
    before, beyond = (simulate(model, means, share * people, turns=2_500) for share in (0.8, 1.2))
    assert (before.grows, beyond.grows) == (None, first)
    assert before.answered_within_s < 1.5
    assert beyond.begun_within_s > 5 * before.begun_within_s


def test_the_same_seed_gives_the_same_hour_and_another_one_another() -> None:
    one, same, other = (simulate(MODEL, MEANS, 500, turns=300, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one.answer_s != other.answer_s


def test_edits_of_a_status_give_way_to_messages() -> None:
    people = 100_000
    means = _scarce("Telegram messages", people)
    hour = simulate(MODEL, means, 0.8 * people, turns=1_500)
    assert 0.0 < hour.progress < 0.5
    assert hour.grows is None


# --- what README says ------------------------------------------------------------------------------------------------


def test_the_readme_has_what_is_printed_from_the_committed_costs(committed: Costs, simulated: dict[int, Hour]) -> None:
    page = capacity_page.README.read_text()
    printed = capacity_page.section(committed, simulated)
    assert capacity_page.placed(page, printed) == page, "write it: python -m tests.benchmarks.capacity --write"


def test_the_section_goes_between_its_marks_and_nothing_else_changes() -> None:
    page = f"before\n{capacity_page.BEGIN}\nold\n{capacity_page.END}\nafter\n"
    placed = capacity_page.placed(page, "new")
    assert placed == page.replace("old", "new")
    with pytest.raises(ValueError, match="substring"):
        capacity_page.placed("no marks", "new")
