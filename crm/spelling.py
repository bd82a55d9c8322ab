"""Pinyin as letters: cutting it into syllables, and what letters may be a slip of."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice, product

from crm.surnames import SYLLABLES

MOST_SYLLABLES = 6
LONGEST_SYLLABLE = 6
LONGEST_SLIP = 24  # letters of a person's name: in longer ones no slip is looked for
MOST_CUTS = 64

_CONFUSED_HEADS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"))
_CONFUSED_TAILS = (("ang", "an"), ("eng", "en"), ("ing", "in"))


@lru_cache(maxsize=4096)
def syllabify(letters: str) -> tuple[tuple[str, ...], ...]:
    """The ways to cut letters into at most ``MOST_SYLLABLES`` legal ones; () without any."""
    return tuple(islice(_cuts(letters, MOST_SYLLABLES), MOST_CUTS))


def _cuts(letters: str, most: int) -> Iterator[tuple[str, ...]]:
    if not letters:
        yield ()
    elif most and len(letters) <= most * LONGEST_SYLLABLE:
        for end in range(min(LONGEST_SYLLABLE, len(letters)), 0, -1):
            if letters[:end] in SYLLABLES:
                yield from ((letters[:end], *rest) for rest in _cuts(letters[end:], most - 1))


@lru_cache(maxsize=4096)
def sounds_near(letters: str) -> tuple[str, ...]:
    """With one syllable confused as dialects do: zhangsan → zangsan, zhansan, zhangshan."""
    near = dict.fromkeys(
        "".join((*parts[:place], other, *parts[place + 1 :]))
        for parts in syllabify(letters)
        for place, syllable in enumerate(parts)
        for other in _confused(syllable)
    )
    near.pop(letters, None)
    return tuple(near)


@lru_cache(maxsize=4096)
def one_letter_off(letters: str) -> tuple[str, ...]:
    """Every legal pinyin that these letters may be a slip of: a confused sound first, then one
    letter too many, two exchanged, one wrong or one missing."""
    near = dict.fromkeys(sounds_near(letters))
    if letters.isalpha() and letters.isascii() and 2 <= len(letters) <= LONGEST_SLIP:
        near |= dict.fromkeys(_slips(letters))
    near.pop(letters, None)
    return tuple(near)


@lru_cache(maxsize=512)
def _confused(syllable: str) -> tuple[str, ...]:
    others = []
    for pair in _CONFUSED_HEADS:
        for one, two in (pair, pair[::-1]):
            if syllable.startswith(one) and not (one + "h" == two and syllable.startswith(two)):
                others.append(two + syllable[len(one) :])
    for pair in _CONFUSED_TAILS:
        for one, two in (pair, pair[::-1]):
            if syllable.endswith(one):
                others.append(syllable[: -len(one)] + two)
    return tuple(dict.fromkeys(other for other in others if other in SYLLABLES))


def _slips(letters: str) -> Iterator[str]:
    """All but the syllable with the slip in it must be pinyin as it stands: ``lefts`` of a place
    are what such a syllable may begin with before it, ``rights`` what it may end with from it."""
    size, starts, stops = len(letters), _ends(letters), _ends(letters, backwards=True)
    lefts, rights = [], []
    for place in range(size + 1):
        near = range(max(0, place - LONGEST_SYLLABLE + 1), place + 1)
        lefts.append([letters[first:place] for first in near if first in starts])
        far = range(place, min(place + LONGEST_SYLLABLE, size + 1))
        rights.append([letters[place:last] for last in far if size - last in stops])
    for place in range(size):
        if any(_stands(left + right) for left in lefts[place] for right in rights[place + 1]):
            yield letters[:place] + letters[place + 1 :]
    for place in range(1, size):
        one, two = letters[place - 1], letters[place]
        for left, right in product(lefts[place - 1], rights[place + 1]):
            if left + two + one + right in SYLLABLES or (
                left + two in SYLLABLES and one + right in SYLLABLES
            ):
                yield letters[: place - 1] + two + one + letters[place + 1 :]
    gaps = _gaps()
    for gap in (1, 0):
        for place in range(size + 1 - gap):
            for around in product(lefts[place], rights[place + gap]):
                for letter in gaps.get(around, ""):
                    yield letters[:place] + letter + letters[place + gap :]


def _stands(letters: str) -> bool:
    return not letters or letters in SYLLABLES


def begins_pinyin(letters: str, most: int) -> bool:
    """Whether letters are pinyin as far as they go, of at most so many syllables: zhangsiy."""
    return any(
        count + (end < len(letters)) <= most and letters[end:] in _unfinished()
        for end, count in _ends(letters).items()
    )


@lru_cache(maxsize=1)
def _unfinished() -> frozenset[str]:
    return frozenset(syllable[:end] for syllable in SYLLABLES for end in range(len(syllable)))


def _ends(letters: str, *, backwards: bool = False) -> Mapping[int, int]:
    """Up to where syllables reach from the beginning, or counted from the end: place → how few
    syllables."""
    size, known = len(letters), {0: 0}
    reached = deque([0])
    while reached:
        start = reached.popleft()
        for end in range(start + 1, min(start + LONGEST_SYLLABLE, size) + 1):
            part = letters[size - end : size - start] if backwards else letters[start:end]
            if end not in known and part in SYLLABLES:
                known[end] = known[start] + 1
                reached.append(end)
    return known


@lru_cache(maxsize=1)
def _gaps() -> Mapping[tuple[str, str], str]:
    """(what stands before, what behind) → the letters that make a syllable between them."""
    gaps: dict[tuple[str, str], str] = defaultdict(str)
    for syllable in sorted(SYLLABLES):
        for place, letter in enumerate(syllable):
            gaps[syllable[:place], syllable[place + 1 :]] += letter
    return dict(gaps)
