"""What people, videos and sparks of the made-up platform are called. All of it is invented."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# In credits; a credit is a cent.
SPARKS = (
    ("Spark", 1),
    ("Ember", 5),
    ("Glow", 10),
    ("Firefly", 20),
    ("Lantern", 35),
    ("Comet", 50),
    ("Sunbeam", 99),
    ("Firework", 150),
    ("Aurora", 250),
    ("Meteor Shower", 500),
    ("Supernova", 1000),
    ("Nebula", 1500),
    ("Galaxy", 2500),
    ("Big Bang", 5000),
)


class Genre(NamedTuple):
    """What creators of one kind call themselves, and what they make videos about."""

    handles: tuple[str, ...]
    titles: tuple[str, ...]
    subjects: tuple[str, ...]


def _genre(handles: str, titles: str, subjects: str) -> Genre:
    return Genre(_words(handles), tuple(titles.split(" | ")), tuple(subjects.split(" | ")))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GENRES = (
    _genre(
        "plays quests respawns pixels speedruns levels",
        "First run through {} | {} without taking a hit | Finding every secret in {} | Can we beat {}? | "
        "Blind run: {} | {} with only a lantern | Ranking every room of {} | Back to {} after a year",
        "the Glass Keep | Moss Harbour | the Clockwork Mines | Salt Tower | the Ninth Garden | Ashfall "
        "Pass | the Drowned Library | Copper Station | the Long Stair | Owl Forest",
    ),
    _genre(
        "cooks bakes simmers kitchen noodles spoons",
        "{} in twenty minutes | My grandmother's {} | {} on a tiny budget | I made {} five ways | What "
        "nobody tells you about {} | Perfect {} at last | {} for a crowd | {}, but vegan",
        "dumplings | sourdough | lentil curry | plum cake | fried rice | ramen | flatbread | mushroom pie "
        "| cinnamon buns | pickles",
    ),
    _genre(
        "beats strums sings loops chords tapes",
        "Building a song from {} | {} at two in the morning | One chord, one hour: {} | {}, live and raw "
        "| Writing with {} | You picked {} | Fixing my old track with {} | {} in one take",
        "rain sounds | a broken piano | kitchen drums | tape hiss | a toy keyboard | train noises | three "
        "strings | a choir of one | an old radio | birdsong",
    ),
    _genre(
        "draws inks paints sketches canvas brushes",
        "Painting {} from memory | {} in thirty lines | Ink only: {} | Redrawing {} three years later | "
        "How I shade {} | {} on the smallest canvas | Your ideas: {} | Slow evening with {}",
        "a fox in the snow | rooftops | my street at night | sea monsters | an old tram | hands | storm "
        "clouds | a greenhouse | paper cranes | the moon market",
    ),
    _genre(
        "moves lifts stretches sprints climbs rides",
        "{} for beginners | Thirty days of {} | Ten minutes of {} | What {} did to my back | {} with no "
        "equipment | The mistake everyone makes in {} | {} before breakfast | Easy {}",
        "hill sprints | mobility | rope climbing | slow push-ups | balance work | trail running | shadow "
        "boxing | kettle swings | handstands | long walks",
    ),
    _genre(
        "roams wanders drifts hikes compass nomad",
        "Night train to {} | {} on foot | Lost in {} | A week in {} with one bag | {} in winter | Eating "
        "my way through {} | Sunrise over {} | The quiet side of {}",
        "the old harbour | the salt coast | the northern islands | the tea hills | the border towns | the "
        "high plateau | the river delta | the market quarter | the cedar valley | the dunes",
    ),
    _genre(
        "builds solders tinkers labs gears makes",
        "I built {} from scrap | {} gone wrong | Restoring {} | Why {} never works the first time | {} "
        "for under twenty | Testing {} to destruction | Day two of {} | {}, explained slowly",
        "a wind organ | a tiny lathe | a weather balloon | a walking table | a marble clock | a solar "
        "kettle | a paper motor | a cable robot | a wooden radio | a night lamp",
    ),
    _genre(
        "talks chats rambles stories unplugged afterhours",
        "Tea and {} | Let's talk about {} | Reading your letters about {} | {}: ask me anything | "
        "Unpopular opinions on {} | A calm hour on {} | True stories about {} | {} after midnight",
        "moving out | bad first jobs | dreams | small towns | old friends | lucky accidents | quitting | "
        "roommates | strange neighbours | getting lost",
    ),
)

FIRSTS = _words(
    "Luna Kiko Marlow Juno Pim Tavi Nori Odo Sable Wren Milo Ines Bram Zuri Fenn Lark Otis Rumi Vesper "
    "Yuki Cleo Dario Elwin Fable Gus Hana Ivo Jora Kestrel Lumi Maren Niko Opal Pascal Quill Rio Sunny "
    "Tamsin Uma Vito Willa Xan Yara Zeno Alba Birdie Cosmo Dot Enzo Freya Ginger Hugo Isla Jasper Kaya "
    "Linus Mango Nell Olive Pepper Robin Sol Tilda Ugo Vera Waldo Yves Zola Arlo Basil Cinder Dune Echo "
    "Flora Gale Hazel"
)
LASTS = _words(
    "Acorn Badger Biscuit Blossom Breeze Button Cactus Canyon Cedar Cherry Cloud Clover Cricket Daisy "
    "Dusk Falcon Feather Fern Finch Fog Forest Frost Garden Ginkgo Harbor Heron Holly Iris Island Ivy "
    "Jade Jelly Kite Lagoon Lemon Lily Lotus Maple Marble Meadow Mint Mist Moon Moth Noodle Oak Ocean "
    "Orbit Otter Panda Peach Pebble Pine Plum Pocket Poppy Quartz Raven Reef River Rocket Saffron Sage "
    "Shell Sky Snow Star Stone Storm Summit Thistle Tiger Toast Tulip Velvet Waffle Willow Winter"
)
STYLES = ("{}{}", "the{}{}", "{}_{}", "{}.{}", "_{}_{}")
NUMBERS = 97


def user_names(rng: np.random.Generator, count: int) -> list[str]:
    """`count` different names of viewers, four in ten of them with a number."""
    return _unique(rng, LASTS, count, plain_share=0.6)


def creator_names(rng: np.random.Generator, genres: npt.NDArray[np.int64]) -> list[str]:
    """One handle a creator, fitting the genre, never the same as another creator's or viewer's."""
    names = [""] * len(genres)
    for number, genre in enumerate(GENRES):
        places = np.flatnonzero(genres == number).tolist()
        for place, name in zip(places, _unique(rng, genre.handles, len(places)), strict=True):
            names[place] = name
    return names


def video_titles(rng: np.random.Generator, genres: npt.NDArray[np.int64]) -> list[str]:
    """One title a video; the same words may come again in another episode."""
    numbers = rng.integers(0, 2**31, (len(genres), 2)).tolist()
    titles = []
    for genre, (template, subject) in zip((GENRES[number] for number in genres), numbers, strict=True):
        about = genre.subjects[subject % len(genre.subjects)]
        title = genre.titles[template % len(genre.titles)].format(about)
        titles.append(title[0].upper() + title[1:])
    return titles


def _unique(
    rng: np.random.Generator, seconds: Sequence[str], count: int, plain_share: float = 1.0
) -> list[str]:
    """`count` different names; from `plain_share` on, or when words run out, they are numbered."""
    combinations = len(FIRSTS) * len(seconds) * len(STYLES)
    plain = min(combinations, round(count * plain_share))
    # A combination gets as many numbers as needed; the step makes them differ, being coprime to NUMBERS.
    rounds = -(-count // combinations)
    numbered, combination = np.divmod(
        rng.choice(combinations * rounds, count - plain, replace=False), combinations
    )
    numbers = (numbered * 37 + combination * 13) % NUMBERS + 2
    names = [_name(which, seconds) for which in rng.choice(combinations, plain, replace=False).tolist()]
    for which, number in zip(combination.tolist(), numbers.tolist(), strict=True):
        names.append(f"{_name(which, seconds)}{number}")
    return [names[place] for place in rng.permutation(count).tolist()]


def _name(which: int, seconds: Sequence[str]) -> str:
    rest, style = divmod(which, len(STYLES))
    first, second = divmod(rest, len(seconds))
    words = FIRSTS[first], seconds[second].capitalize()
    # Words without anything between them are told apart by their capitals.
    return STYLES[style].format(*(words if style < 2 else (word.lower() for word in words)))
