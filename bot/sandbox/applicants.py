"""Invented people who want an account, with photographs that show nothing."""

import base64
import io
from collections.abc import Collection, Mapping
from datetime import timedelta
from functools import cache
from random import Random

from PIL import Image

from bot.sandbox import names, numbers
from bot.sandbox.broker import FOUNDED

PAPERS = ("id_front", "id_back", "card_photo")
QUALITY = 40
SIZE = (1011, 638)  # pixels, in the proportions of a card
GRAIN = 12  # with the quality: as much as the smallest photograph that is taken without doubts


def invent(random: Random, count: int, taken: Collection[str]) -> list[dict[str, object]]:
    """``count`` clients with the numbers that an application asks for; none has a ``taken``
    name."""
    used = set(taken)
    return [_one(random, used) for _ in range(count)]


def _one(random: Random, used: set[str]) -> dict[str, object]:
    female = random.random() < 0.5
    birthday = FOUNDED - timedelta(days=random.randrange(25 * 365, 45 * 365))
    expires = FOUNDED + timedelta(days=random.randrange(400, 5000))
    return {
        "name": _name(random, used, female=female),
        "fields": {
            "id_number": numbers.citizen_id(random, birthday, female=female),
            "id_expires": expires.isoformat(),
            "mobile": numbers.mobile(random),
            "bank_card": numbers.bank_card(random),
        },
    }


def _name(random: Random, used: set[str], *, female: bool) -> str:
    while True:
        name = names.person(random, female=female).text
        if name not in used:
            used.add(name)
            return name


@cache
def photographs() -> Mapping[str, str]:
    """A picture for each paper, as base64."""
    return {paper: _picture() for paper in PAPERS}


def _picture() -> str:
    file = io.BytesIO()
    Image.effect_noise(SIZE, GRAIN).save(file, "JPEG", quality=QUALITY)
    return base64.b64encode(file.getvalue()).decode()
