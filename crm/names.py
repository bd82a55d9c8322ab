"""What finds a client: the keys that a name is filed under, and those that typed words probe.

Both sides are equalities on (kind, key). Kinds that come from a name: ``name``, ``surname``,
``gram`` (a fragment of one to four characters), ``pinyin`` (in full), ``sound`` (pinyin of a
part), ``initials``. Kinds that come from numbers: ``account``, ``head`` and ``tail`` of it,
``mobile``, ``mtail``; the last two are personal data, whoever stores them seals their keys.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import resources
from itertools import islice, product
from typing import Literal, NamedTuple

from pypinyin import Style
from pypinyin import pinyin as read_aloud

from crm.surnames import COMMON, DOUBLE, GIVEN, READINGS, SYLLABLES

How = Literal["exact", "part", "sound", "typo"]
TIERS: tuple[How, ...] = ("exact", "part", "sound", "typo")
OPEN_KINDS = frozenset({"account", "mobile", "name"})  # only these find other managers' clients

LONGEST_KEY = 64
LONGEST_PERSON = 4
LONGEST_NAME = 24  # letters of a person's name in pinyin
MOST_READINGS = 8
MOST_NEIGHBOURS = 48
MOST_SYLLABLES = 6
LONGEST_SYLLABLE = 6
MOST_CUTS = 64


class Key(NamedTuple):
    kind: str
    key: str


class Probe(NamedTuple):
    kind: str
    key: str
    how: How


def simplified(text: str) -> str:
    """``text`` in half-width, simplified characters; traditional ones replaced one by one."""
    return unicodedata.normalize("NFKC", text).translate(to_simplified())


@lru_cache(maxsize=1)
def to_simplified() -> dict[int, str]:
    """For ``str.translate``: traditional character → simplified, always one for one."""
    table = resources.files("opencc").joinpath("dictionary/TSCharacters.txt")
    pairs = (line.split() for line in table.read_text("utf-8").splitlines() if line)
    return {ord(pair[0]): pair[1] for pair in pairs if len(pair[0]) == len(pair[1]) == 1}


def surname(name: str) -> str:
    """The surname, of two characters where it is one of those; "" if none is known."""
    if name[:2] in DOUBLE:
        return name[:2]
    return name[:1] if name[:1] in COMMON or name[:1] in READINGS else ""


def surname_reading(name: str) -> tuple[str, ...]:
    """How the surname of ``name`` is read, the usual reading first."""
    family = surname(name) or name[:1]
    return READINGS.get(family) or ("".join(_sound(char) for char in family),)


def pinyin(name: str) -> tuple[tuple[str, ...], ...]:
    """All readings of a name as syllables, the usual one first: 曾乐 → (zeng, le), (zeng, yue).

    Only the surname of a person is read as one; a company is read as ordinary words.
    """
    if is_company(name):
        return (tuple(_sound(char) for char in name),)
    family = surname(name) or name[:1]
    given = [GIVEN.get(char) or (_sound(char),) for char in name[len(family) :]]
    every = product(surname_reading(name), *given)
    return tuple(islice(every, MOST_READINGS))


def initials(name: str) -> str:
    """The first letters of the usual reading: 单晓明 → sxm, 欧阳明 → oym."""
    return _first_letters(name, pinyin(name)[0]) if name else ""


_ORGANISATION = re.compile(
    r"(?:(?:股份|有限|责任)+公司|总公司|分公司|公司|集团|合伙企业|\((?:有限合伙|普通合伙)\)"
    r"|合作社|企业|厂|基金|资管计划|[一二三四五六七八九十\d]+号|私募证券投资|证券投资)+$"
)
_REGION = re.compile(
    r"^(?:中国|北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南"
    r"|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|内蒙古|广西|西藏|宁夏|新疆|杭州|宁波|温州"
    r"|绍兴|嘉兴|湖州|金华|台州|舟山|衢州|丽水|义乌|南京|苏州|无锡|常州|南通|深圳|广州|大连|青岛"
    r"|厦门|成都|武汉|西安|郑州|济南|合肥|福州|唐山|邯郸)(?:省|市|自治区)?"
)
_TRADE = re.compile(
    r"(?:国际贸易|进出口|供应链管理|供应链|投资管理|资产管理|贸易|商贸|物资|实业|工贸|科技|石化|化工"
    r"|钢铁|金属|材料|能源|农业|粮油|饲料|油脂|投资|控股|资产|物流|食品|纺织|矿业|发展|管理|经营)+$"
)


def is_company(name: str) -> bool:
    return len(name) > LONGEST_PERSON or _ORGANISATION.search(name) is not None


def short_names(name: str) -> tuple[str, ...]:
    """What people call a company: 浙江恒力石化有限公司 → 恒力石化, 恒力."""
    if not is_company(name):
        return ()
    core = re.sub(r"\([^)]*\)", "", name)
    core = _REGION.sub("", _ORGANISATION.sub("", core)) or core
    brand = _TRADE.sub("", core)
    return tuple(dict.fromkeys(short for short in (core, brand) if len(short) >= 2))


def _names_with_region(name: str) -> Iterator[str]:
    """The short names behind their city or province: 嘉兴盛创粮油, 嘉兴盛创."""
    region = _REGION.match(name)
    if region:
        yield from (f"{region[0]}{short}" for short in short_names(name))


def search_keys(
    name: str, *, accounts: Iterable[str] = (), mobiles: Iterable[str] = ()
) -> list[Key]:
    """Every key that one client is filed under, without repeats."""
    plain = simplified(name).replace(" ", "")
    keys = [Key("name", plain)] if plain else []
    if is_company(plain):
        keys += _company_keys(plain)
    elif plain:
        keys += _person_keys(plain)
    for account in accounts:
        keys += [Key("account", account), Key("tail", account[-4:])]
        keys += [Key("head", account[:n]) for n in range(4, min(8, len(account)))]
    for mobile in mobiles:
        keys += [Key("mobile", mobile), Key("mtail", mobile[-4:])]
    return [key for key in dict.fromkeys(keys) if 0 < len(key.key) <= LONGEST_KEY]


def _person_keys(name: str) -> Iterator[Key]:
    family = surname(name)
    if family:
        yield Key("surname", family)
    yield from (Key("gram", part) for part in _runs(name) if part != name)
    for syllables in pinyin(name):
        whole = "".join(syllables)
        yield Key("pinyin", whole)
        letters = _first_letters(name, syllables)
        for end in range(2, len(letters) + 1):
            yield Key("initials", letters[:end])
        yield Key("initials", letters[1:] if len(letters) > 2 else letters)
        yield from (Key("sound", part) for part in _runs(syllables) if part != whole)
        yield Key("sound", syllables[0] + letters[len(letters) - len(syllables) + 1 :])


def _company_keys(name: str) -> Iterator[Key]:
    yield Key("pinyin", "".join(pinyin(name)[0]))
    for short in short_names(name):
        yield from (Key("gram", part) for part in (short, *_runs(short)))
        syllables = [_sound(char) for char in short]
        yield Key("sound", "".join(syllables))
        yield Key("initials", "".join(syllable[0] for syllable in syllables))
    for placed in _names_with_region(name):
        syllables = [_sound(char) for char in placed]
        yield Key("gram", placed)
        yield Key("sound", "".join(syllables))
        yield Key("initials", "".join(syllable[0] for syllable in syllables))
    yield Key("initials", "".join(syllable[0] for syllable in pinyin(name)[0]))


def _runs(parts: Iterable[str]) -> list[str]:
    """Every run of one to four neighbours, joined."""
    row = tuple(parts)
    return [
        "".join(row[start:end])
        for start in range(len(row))
        for end in range(start + 1, min(start + LONGEST_PERSON, len(row)) + 1)
    ]


def query_keys(words: str) -> list[Probe]:
    """What a person typed as probes, the surest first. Stop at the first ``how`` that finds.

    Nobody is filed under more than ``LONGEST_KEY`` characters.
    """
    plain = re.sub(r"[\s'·.-]", "", simplified(words)).lower()
    if not 0 < len(plain) <= LONGEST_KEY:
        return []
    if plain.isascii():
        return _number_probes(plain) if plain.isdigit() else _latin_probes(plain)
    return _chinese_probes(plain)


def _number_probes(digits: str) -> list[Probe]:
    probes = [Probe("account", digits, "exact")]
    if re.fullmatch(r"1[3-9]\d{9}", digits):
        probes.append(Probe("mobile", digits, "exact"))
    if len(digits) == 4:
        probes += tail_keys(digits)
    if 4 <= len(digits) < 8:
        probes.append(Probe("head", digits, "part"))
    return probes


def tail_keys(digits: str) -> list[Probe]:
    """The last four digits of an account or of a mobile."""
    return [Probe("tail", digits, "exact"), Probe("mtail", digits, "exact")]


def _latin_probes(typed: str) -> list[Probe]:
    letters = typed.replace("ü", "v").replace("lyu", "lv").replace("nyu", "nv")
    if not letters.isalpha() or len(letters) < 2:
        return [Probe("name", typed, "exact")]
    probes = [Probe("pinyin", letters, "exact")]
    probes += [Probe(kind, letters, "part") for kind in ("sound", "initials")]
    probes += [Probe("pinyin", near, "typo") for near in neighbours(letters)]
    return [Probe("name", typed, "exact"), *probes]


def _chinese_probes(name: str) -> list[Probe]:
    probes = [Probe("name", name, "exact"), Probe("gram", name, "part")]
    if len(name) == 1:
        return probes
    readings = ["".join(syllables) for syllables in _heard(name)]
    probes += [Probe(kind, heard, "sound") for heard in readings for kind in ("pinyin", "sound")]
    near = ["".join(swapped) for syllables in _heard(name)[:1] for swapped in _swaps(syllables)]
    return probes + [Probe("pinyin", key, "typo") for key in dict.fromkeys(near)]


def _heard(name: str) -> tuple[tuple[str, ...], ...]:
    """How a typed name sounds, also where a character of it is an ordinary word's."""
    ordinary = tuple(_sound(char) for char in name)
    return tuple(dict.fromkeys((*pinyin(name), ordinary)))


def surname_keys(family: str) -> list[Probe]:
    """For 陈总 or 老陈: everyone of that surname."""
    return [Probe("surname", family, "part")]


def neighbours(letters: str) -> list[str]:
    """Legal pinyin one mistake away: a confused sound first, then a slip of the finger."""
    confused = ["".join(swapped) for parts in syllabify(letters) for swapped in _swaps(parts)]
    near = _slips(letters) if len(letters) <= LONGEST_NAME else ()
    slips = (slip for slip in near if spells_a_name(slip))
    every = dict.fromkeys([*confused, *islice(slips, MOST_NEIGHBOURS)])
    every.pop(letters, None)
    return list(islice(every, MOST_NEIGHBOURS))


_CONFUSED_HEADS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"))
_CONFUSED_TAILS = (("ang", "an"), ("eng", "en"), ("ing", "in"))


def _swaps(syllables: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The same syllables with one confused: zhang → zang, zhan."""
    for place, syllable in enumerate(syllables):
        for other in _confused(syllable):
            yield (*syllables[:place], other, *syllables[place + 1 :])


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
    """One letter too many, two exchanged, one wrong or one missing, in this order."""
    splits = [(letters[:n], letters[n:]) for n in range(len(letters) + 1)]
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    yield from (left + right[1:] for left, right in splits if right)
    yield from (left + right[1] + right[0] + right[2:] for left, right in splits if right[1:])
    yield from (left + c + right[1:] for left, right in splits if right for c in alphabet)
    yield from (left + c + right for left, right in splits for c in alphabet)


@lru_cache(maxsize=4096)
def spells_a_name(letters: str) -> bool:
    """Whether letters cut into two to four syllables of which the first is a surname's."""
    return any(
        2 <= len(parts) <= LONGEST_PERSON and parts[0] in _surname_sounds()
        for parts in syllabify(letters)
    )


@lru_cache(maxsize=1)
def _surname_sounds() -> frozenset[str]:
    return frozenset(sound for char in COMMON for sound in READINGS.get(char, (_sound(char),)))


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


def looks_like_name(words: str) -> bool:
    """Whether two to four characters could be somebody's name, by the surname."""
    family = surname(words)
    rest = words[len(family) :]
    return bool(family) and 1 <= len(rest) <= 2 and all("\u4e00" <= c <= "\u9fff" for c in rest)


def _first_letters(name: str, syllables: tuple[str, ...]) -> str:
    """A double surname gives a letter for each of its characters: 欧阳 → oy."""
    family = surname(name)
    head = "".join(_sound(char)[0] for char in family) if family in DOUBLE else syllables[0][:1]
    if family in DOUBLE and family in READINGS:
        head = "".join(part[0] for part in syllabify(READINGS[family][0])[0])
    return head + "".join(syllable[0] for syllable in syllables[1:])


@lru_cache(maxsize=65536)
def _sound(char: str) -> str:
    """The everyday reading; anything that is not a Chinese character reads as itself."""
    return str(read_aloud(char, style=Style.NORMAL)[0][0]).lower()
