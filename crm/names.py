"""What finds a client: the keys that a name is filed under, and those that typed words probe.

Both sides are equalities on (kind, key). Kinds that come from a name: ``name``, ``surname``,
``gram`` (up to four neighbours; longer fragments probe several), ``pinyin`` (in full),
``latin`` (any part of it: beginnings, syllables, initials). Kinds that come from numbers:
``account``, ``head`` and ``tail`` of it, ``mobile``, ``mtail``; the last two are personal data,
whoever stores them seals their keys.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from importlib import resources
from itertools import islice, pairwise, product
from typing import Literal, NamedTuple

from crm.readings import IN_FIRMS, WORDS
from crm.spelling import begins_pinyin, one_letter_off, sounds_near, syllabify
from crm.surnames import COMMON, DOUBLE, GIVEN, READINGS

How = Literal["exact", "part", "sound", "typo"]
Near = Literal["", "sound", "letter"]
TIERS: tuple[How, ...] = ("exact", "part", "sound", "typo")
OPEN_KINDS = frozenset({"account", "mobile", "name"})  # only these find other managers' clients

LONGEST_KEY = 64
LONGEST_PERSON = LONGEST_RUN = 4
MOST_READINGS = 8
SHORTEST_SLIP = 5  # letters
LONGEST_BEGINNING = 6  # letters of a company's full name
MOST_RUNS = 8  # of a longer fragment; these leave few clients to look at
BEGINNING, INSIDE, UNFINISHED = range(3)  # where in a name a key stands: the first is best


class Key(NamedTuple):
    kind: str
    key: str


class Probe(NamedTuple):
    """A key to look for; the client must be filed under each of ``also`` (of this kind) too.
    ``near``: what is one confused sound, or one slip of a finger, away is looked for instead."""

    kind: str
    key: str
    how: How
    also: tuple[str, ...] = ()
    near: Near = ""

    @property
    def late(self) -> bool:
        """Whether to look only when nothing else was found. Letters that are no pinyin at all are
        likely a slip, and initials are too few for one."""
        if self.near == "letter":
            return len(self.key) < SHORTEST_SLIP or begins_pinyin(self.key, LONGEST_PERSON)
        return self.how == "typo"

    def sought(self) -> tuple[str, ...]:
        match self.near:
            case "sound":
                return sounds_near(self.key)
            case "letter":
                return one_letter_off(self.key)
            case _:
                return (self.key,)


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

    Only the surname of a person is read as one; a company is read as words, and character by
    character for those who type it so: 重庆 is chongqing and zhongqing.
    """
    if is_company(name):
        return tuple(dict.fromkeys((_as_words(name), _as_characters(name))))
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
_WORD = re.compile("|".join((*sorted(WORDS, key=len, reverse=True), ".")), re.DOTALL)
_REGION = re.compile(
    r"^(?:中国|北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南"
    r"|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|内蒙古|广西|西藏|宁夏|新疆|杭州|宁波|温州"
    r"|绍兴|嘉兴|湖州|金华|台州|舟山|衢州|丽水|义乌|南京|苏州|无锡|常州|南通|深圳|广州|大连|青岛"
    r"|厦门|成都|武汉|西安|郑州|济南|合肥|福州|唐山|邯郸)(?:省|市|自治区)?"
)
_TRADES = (
    "国际贸易|进出口|供应链管理|供应链|投资管理|资产管理|贸易|商贸|物资|实业|工贸|科技|石化|化工"
    "|钢铁|金属|材料|能源|农业|粮油|饲料|油脂|投资|控股|资产|物流|食品|纺织|矿业|发展|管理|经营"
)
_TRADE = re.compile(f"(?:{_TRADES})+$")


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
) -> dict[Key, int]:
    """Every key that one client is filed under, and where in the name it stands."""
    places: dict[Key, int] = {}
    for key, place in (*_name_keys(_bare(name)), *_number_keys(accounts, mobiles)):
        if 0 < len(key.key) <= LONGEST_KEY:
            places[key] = min(place, places.get(key, place))
    return places


def _bare(words: str) -> str:
    """As names are filed and looked for: simplified, in small letters, without blanks and dots."""
    return re.sub(r"[\s'·.-]", "", simplified(words)).lower()


def _name_keys(name: str) -> Iterator[tuple[Key, int]]:
    if not name:
        return
    yield Key("name", name), BEGINNING
    yield from ((key, place) for key, place in _parts("gram", name) if key.key != name)
    yield from _company_keys(name) if is_company(name) else _person_keys(name)


def _number_keys(accounts: Iterable[str], mobiles: Iterable[str]) -> Iterator[tuple[Key, int]]:
    for account in accounts:
        yield Key("account", account), BEGINNING
        yield Key("tail", account[-4:]), BEGINNING
        for length in range(4, min(8, len(account))):
            yield Key("head", account[:length]), BEGINNING
    for mobile in mobiles:
        yield Key("mobile", mobile), BEGINNING
        yield Key("mtail", mobile[-4:]), BEGINNING


def _person_keys(name: str) -> Iterator[tuple[Key, int]]:
    family = surname(name)
    if family:
        yield Key("surname", family), BEGINNING
    for syllables in pinyin(name):
        whole = "".join(syllables)
        yield Key("pinyin", whole), BEGINNING
        letters = _first_letters(name, syllables)
        yield from _parts("latin", letters, shortest=2)
        yield from _parts("latin", syllables, longest=len(syllables) - 1)
        for behind in range(1, len(syllables)):  # zhangsy, zhangsiy
            typed = "".join(syllables[:behind]) + letters[behind - len(syllables) :]
            yield Key("latin", typed), BEGINNING
        yield from _beginnings(whole)


def _company_keys(name: str) -> Iterator[tuple[Key, int]]:
    for syllables in pinyin(name):
        yield from _company_sounds(name, syllables)


def _company_sounds(name: str, syllables: Sequence[str]) -> Iterator[tuple[Key, int]]:
    """Of one reading of the whole name, a syllable for each character."""
    yield Key("pinyin", "".join(syllables)), BEGINNING
    yield Key("latin", _first_of_each(syllables)), BEGINNING
    yield from _parts("latin", syllables, shortest=2)
    for short in short_names(name):
        parts = _of_part(short, name, syllables)
        sound = "".join(parts)
        yield Key("pinyin", sound), BEGINNING
        yield Key("latin", sound), BEGINNING
        yield Key("latin", _first_of_each(parts)), BEGINNING
        yield from _parts("latin", parts, longest=LONGEST_PERSON)
        yield from _beginnings(sound)
    for placed in _names_with_region(name):
        parts = _of_part(placed, name, syllables)
        yield Key("latin", "".join(parts)), BEGINNING
        yield Key("latin", _first_of_each(parts)), BEGINNING
    yield from _beginnings("".join(syllables)[: LONGEST_BEGINNING + 1])


def _of_part(part: str, name: str, syllables: Sequence[str]) -> Sequence[str]:
    """As it is read in the whole name, where it stands there in one piece."""
    start = name.find(part)
    return syllables[start : start + len(part)] if start >= 0 else _as_words(part)


def _first_of_each(syllables: Iterable[str]) -> str:
    return "".join(syllable[0] for syllable in syllables)


def _beginnings(letters: str) -> Iterator[tuple[Key, int]]:
    """What is typed while the pinyin is not finished: zh, zha, … zhangsiyua."""
    for end in range(2, len(letters)):
        yield Key("latin", letters[:end]), UNFINISHED


def _parts(
    kind: str, row: Sequence[str], *, shortest: int = 1, longest: int = LONGEST_RUN
) -> Iterator[tuple[Key, int]]:
    """Every run of so many neighbours, joined."""
    for start in range(len(row)):
        for end in range(start + shortest, min(start + longest, len(row)) + 1):
            yield Key(kind, "".join(row[start:end])), INSIDE if start else BEGINNING


def query_keys(words: str) -> list[Probe]:
    """What a person typed as probes, the surest first. Stop at the first ``how`` that finds.

    Nobody is filed under more than ``LONGEST_KEY`` characters.
    """
    plain = _bare(words)
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
    letters = typed.replace("ü", "v")
    probes = [Probe("name", typed, "exact")]
    if letters.isalpha() and len(letters) > 1:
        # lyu and nyu are 吕 and 女 in a passport, but chenyu is 陈雨
        every = dict.fromkeys((letters, letters.replace("lyu", "lv").replace("nyu", "nv")))
        probes += [Probe("pinyin", each, "exact") for each in every]
        probes += [Probe("latin", each, "part") for each in every]
        probes.append(Probe("pinyin", letters, "typo", near="letter"))
    return probes


def _chinese_probes(name: str) -> list[Probe]:
    probes = [Probe("name", name, "exact"), _together("gram", tuple(name), "part")]
    if len(name) == 1:
        return probes
    heard = _heard(name)
    for syllables in heard:
        whole = "".join(syllables)
        probes += [Probe(kind, whole, "sound") for kind in ("pinyin", "latin")]
        if len(syllables) > LONGEST_RUN:
            probes.append(_together("latin", syllables, "sound"))
    probes.append(Probe("pinyin", "".join(heard[0]), "typo", near="sound"))
    core = short_names(name)[:1] if _ORGANISATION.search(name) else ()
    return probes + [_together("gram", tuple(short), "typo") for short in core if short != name]


def _together(kind: str, row: Sequence[str], how: How) -> Probe:
    """Neighbours four by four: those who have all of them nearly always have the whole. First
    what fewest have."""
    if len(row) <= LONGEST_RUN:
        return Probe(kind, "".join(row), how)
    runs = sorted(zip(*(row[n:] for n in range(LONGEST_RUN)), strict=False), key=_everyday)
    first, *others = dict.fromkeys("".join(run) for run in runs[:MOST_RUNS])
    return Probe(kind, first, how, also=tuple(others))


def _everyday(run: Sequence[str]) -> int:
    """How much of a run is in the names of half of all companies."""
    return sum(one + two in _everyday_pairs() for one, two in pairwise(run))


@lru_cache(maxsize=1)
def _everyday_pairs() -> frozenset[str]:
    """As characters and as pinyin."""
    words = ("股份有限责任公司", "有限公司", "贸易有限", *_TRADES.split("|"))
    rows = [tuple(word) for word in words] + [tuple(map(_sound, word)) for word in words]
    return frozenset(one + two for row in rows for one, two in pairwise(row))


def _heard(name: str) -> tuple[tuple[str, ...], ...]:
    """How a typed name sounds, also where a character of it is an ordinary word's."""
    return tuple(dict.fromkeys((*pinyin(name), _as_words(name), _as_characters(name))))


def surname_keys(family: str) -> list[Probe]:
    """For 陈总 or 老陈: everyone of that surname."""
    return [Probe("surname", family, "part")]


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


def _as_words(name: str) -> tuple[str, ...]:
    """A syllable for each character, as a reader knows firms and places: 重庆 → chong, qing."""
    found: list[str] = []
    for part in _WORD.findall(name):
        found += WORDS[part].split() if part in WORDS else [IN_FIRMS.get(part) or _sound(part)]
    return tuple(found)


def _as_characters(name: str) -> tuple[str, ...]:
    return tuple(_sound(char) for char in name)


@lru_cache(maxsize=65536)
def _sound(char: str) -> str:
    """The everyday reading; anything that is not a Chinese character reads as itself."""
    return str(_reader()(char)[0]).lower()


@lru_cache(maxsize=1)
def _reader() -> Callable[[str], list[str]]:
    # Loaded with the first name, without its words: they take 0.1 s and 40 MB.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415

    return partial(lazy_pinyin, style=Style.NORMAL)
