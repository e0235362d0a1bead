"""Which words of a wish stand for which place, time of day, weather, figure, colour, mood and camera move.

Words are looked for in English and, for the commonest, in Spanish, French, German, Russian and Ukrainian, by their
beginnings, so that plurals and cases are found too. What is not found has a sensible default elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar


class Place(StrEnum):
    """What the world looks like."""

    MEADOW = "meadow"
    FOREST = "forest"
    MOUNTAINS = "mountains"
    DESERT = "desert"
    SEA = "sea"
    UNDERWATER = "underwater"
    CITY = "city"
    ROOM = "room"
    SPACE = "space"


class Hour(StrEnum):
    """The light."""

    DAY = "day"
    DAWN = "dawn"
    SUNSET = "sunset"
    NIGHT = "night"


class Weather(StrEnum):
    """What falls or hangs in the air."""

    CLEAR = "clear"
    SNOW = "snow"
    RAIN = "rain"
    FOG = "fog"


class Figure(StrEnum):
    """What the picture is about."""

    NONE = "none"
    FOX = "fox"
    CAT = "cat"
    DOG = "dog"
    HORSE = "horse"
    BEAR = "bear"
    BIRD = "bird"
    FISH = "fish"
    PERSON = "person"
    ROBOT = "robot"
    CAR = "car"
    BOAT = "boat"
    ROCKET = "rocket"
    BALLOON = "balloon"
    TREE = "tree"
    HOUSE = "house"
    FLOWER = "flower"
    CUP = "cup"


class Mood(StrEnum):
    """What the sound feels like."""

    CALM = "calm"
    BRIGHT = "bright"
    SAD = "sad"
    TENSE = "tense"
    EPIC = "epic"


class Camera(StrEnum):
    """How the picture moves."""

    TRACK_RIGHT = "track_right"
    TRACK_LEFT = "track_left"
    PUSH_IN = "push_in"
    PULL_BACK = "pull_back"
    RISE = "rise"
    STILL = "still"


PLACES: Mapping[Place, str] = {
    Place.SPACE: "space spaceship galax planet moonwalk astronaut orbit nebula rocket космос espacio weltraum espace",
    Place.CITY: "city cities street town neon skyscraper downtown urban tokyo paris london york traffic taxi road "
    "cyberpunk market station ciudad calle ville rue stadt strasse straße город улиц місто вулиц",
    Place.UNDERWATER: "underwater reef coral aquarium submarine diver diving подводн",
    Place.SEA: "sea seas ocean beach wave waves surf coast harbour harbor island lake river boat sail sailing ship "
    "yacht mar océano playa barco mer océan plage bateau meer strand schiff море океан "
    "пляж корабл лодк озер річк парус яхт",
    Place.DESERT: "desert dune dunes sand sahara camel cactus oasis canyon mars desierto désert wüste пустын пустел",
    Place.MOUNTAINS: "mountain mountains alps peak summit cliff himalaya volcano glacier hike hiking montaña montagne "
    "berg berge gebirge гор горы горах горі вершин",
    Place.FOREST: "forest wood woods jungle pine pines tree trees deer bear wolf wolves autumn bosque forêt wald лес "
    "лесу ліс тайг",
    Place.ROOM: "room kitchen office indoor indoors inside studio desk table cafe café restaurant coffee product "
    "bottle shop living bedroom library habitación oficina chambre cuisine zimmer küche büro комнат кухн офис кімнат",
    Place.MEADOW: "meadow field fields garden park farm grass hill hills village flower flowers spring summer campo "
    "jardín prado champ jardin wiese garten feld луг поле полян сад парк деревн",
}

HOURS: Mapping[Hour, str] = {
    Hour.NIGHT: "night nights midnight moon moonlight moonlit stars starry neon dark nocturnal noche luna nuit lune "
    "nacht mond ночь ночью ночи ночной ночном лун ніч вночі нічн",
    Hour.SUNSET: "sunset dusk evening twilight atardecer puesta coucher crépuscule soir sonnenuntergang abend "
    "закат вечер захід вечір",
    Hour.DAWN: "dawn sunrise morning daybreak amanecer mañana aube matin sonnenaufgang morgen рассвет утро утром "
    "світанок ранок вранці",
    Hour.DAY: "day daylight noon sunny sun blue día soleado jour soleil tag sonne sonnig день днём солнеч сонячн",
}

WEATHERS: Mapping[Weather, str] = {
    Weather.SNOW: "snow snowy snowing snowfall winter blizzard frost ice christmas arctic nieve invierno neige hiver "
    "schnee winter снег снеж зим сніг сніж",
    Weather.RAIN: "rain raining rainy storm thunder drizzle lluvia pluie regen дожд дощ гроз",
    Weather.FOG: "fog foggy mist misty haze smoke niebla brouillard brume nebel туман",
}

FIGURES: Mapping[Figure, str] = {
    Figure.FOX: "fox foxes zorro renard fuchs лис лиса лисы лису лисиц",
    Figure.CAT: "cat cats kitten kitty tiger lion panther leopard gato chat katze кот коты кошк котён котен кіт кішк",
    Figure.DOG: "dog dogs puppy wolf wolves husky corgi perro lobo chien loup hund wolf собак пёс пес волк щен вовк",
    Figure.HORSE: "horse horses pony deer unicorn camel cow zebra donkey moose caballo ciervo cheval pferd лошад конь "
    "кон олен кінь",
    Figure.BEAR: "bear bears elephant panda hippo rhino oso ours bär медвед ведмід слон",
    Figure.BIRD: "bird birds eagle owl crow gull seagull parrot dragon swan penguin pájaro oiseau vogel птиц птах сов "
    "орёл орел",
    Figure.FISH: "fish fishes shark whale dolphin goldfish pez poisson fisch рыб кит дельфин риб",
    Figure.ROBOT: "robot robots android cyborg mech робот",
    Figure.PERSON: "man men woman women person people boy girl child children kid kids dancer runner knight wizard "
    "chef hiker detective astronaut soldier king queen couple grandmother grandfather lady guy hombre mujer niño niña "
    "homme femme enfant mann frau kind mädchen junge человек мужчин женщин девушк девочк мальчик люд дитин жінк чолов",
    Figure.CAR: "car cars truck taxi bus van jeep motorcycle coche voiture auto wagen машин автомоб авто такси",
    Figure.BOAT: "boat boats ship ships sail sailing sailboat yacht pirate barco velero bateau voilier boot schiff "
    "segelboot корабл лодк яхт парус човен",
    Figure.ROCKET: "rocket rockets spaceship spacecraft shuttle cohete fusée rakete ракет",
    Figure.BALLOON: "balloon balloons airship zeppelin globo ballon шар воздушн",
    Figure.CUP: "coffee cup mug tea café taza tasse kaffee кофе чай чашк кава",
    Figure.HOUSE: "house houses cabin cottage castle lighthouse home barn casa castillo maison château haus schloss "
    "дом домик избушк замок хат будин маяк",
    Figure.FLOWER: "flower flowers rose roses tulip sunflower flor fleur blume цвет роз тюльпан квіт",
    Figure.TREE: "tree trees oak willow árbol arbre baum дерев дуб",
}

MOODS: Mapping[Mood, str] = {
    Mood.TENSE: "tense scary horror dark suspense thriller creepy danger chase haunted miedo peur angst страш жутк",
    Mood.EPIC: "epic heroic grand majestic cinematic battle dramatic powerful adventure épico épique episch эпич",
    Mood.SAD: "sad lonely melancholy nostalgic alone loss rainy triste traurig груст печал сумн",
    Mood.BRIGHT: "happy joy joyful funny fun cute playful cheerful party celebrate upbeat bright feliz alegre joyeux "
    "drôle fröhlich lustig весел радост смешн весел",
    Mood.CALM: "calm peaceful serene quiet dreamy gentle cozy cosy relaxing soft tranquilo calme ruhig спокой тих ніжн",
}

CAMERAS: Mapping[Camera, str] = {
    Camera.PUSH_IN: "zoom push closer close-up closeup macro approach dolly наезд крупн",
    Camera.PULL_BACK: "pull reveal zoom-out back away отъезд",
    Camera.RISE: "drone aerial crane rise rising fly flyover bird's-eye overhead tilt дрон сверху",
    Camera.TRACK_LEFT: "left влево",
    Camera.TRACK_RIGHT: "right вправо",
    Camera.STILL: "static still locked tripod fixed статич",
}

GOING_ALONG: Mapping[bool, str] = {
    True: "track tracking pan panning follow following side orbit slider travelling вслед проезд"
}
"""The camera goes along, whichever way that is."""

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red rojo roja rouge rot красн рыж руд червон": (206, 64, 44), "orange naranja orange оранж": (226, 124, 42),
    "yellow golden gold amarillo jaune gelb жёлт желт золот жовт": (232, 184, 62),
    "green verde vert grün зелён зелен": (76, 150, 84), "blue azul bleu blau син голуб": (62, 108, 190),
    "purple violet morado lila фиолет": (128, 84, 168), "pink rosa rose розов рожев": (228, 132, 164),
    "white blanco blanca blanc weiß бел біл": (236, 236, 240), "black negro noir schwarz чёрн черн чорн": (34, 34, 44),
    "grey gray silver gris grau сер сір": (132, 138, 148), "brown marrón brun braun коричн": (126, 84, 56),
}  # fmt: skip

K = TypeVar("K")
WORD = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")
LOOSE = 3
"""A Cyrillic or accented stem of at least this many letters also matches longer words; English words match whole or
with a plural ending, so that "carpet" is no car."""


def found(text: str, table: Mapping[K, str]) -> K | None:
    """The meaning whose word comes first in the text, or None; at one place, the meaning listed first wins."""
    for word in WORD.findall(text.lower()):
        for meaning, stems in table.items():
            if any(_matches(word, stem) for stem in stems.split()):
                return meaning
    return None


def colour_before(text: str, figure: Figure) -> tuple[int, int, int] | None:
    """The colour named within the three words before the figure's word ("a red fox"), or None."""
    words = WORD.findall(text.lower())
    stems = FIGURES.get(figure, "").split()
    for place, word in enumerate(words):
        if any(_matches(word, stem) for stem in stems):
            for near in reversed(words[max(0, place - 3) : place]):
                for names, colour in COLOURS.items():
                    if any(_matches(near, stem) for stem in names.split()):
                        return colour
    return None


def _matches(word: str, stem: str) -> bool:
    if stem.isascii():
        return word in (stem, stem + "s", stem + "es") or (len(stem) > 5 and word.startswith(stem))
    return word == stem or (len(stem) >= LOOSE and word.startswith(stem) and len(word) <= len(stem) + 5)
