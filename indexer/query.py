"""Text -> query plan. Pure: analyzer and thesaurus are handed in."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from itertools import chain
from typing import NamedTuple
from weakref import proxy

from corpus import numbers
from corpus.errors import BadInput
from corpus.text import fold, normalise
from corpus.words import Synonym, SynonymType
from indexer.analysis import Analyzer, characters
from indexer.engine import Plan, Term, Unit
from indexer.settings import Settings

MAX_QUERY = 500
SYNONYM_WORDS = {
    SynonymType.SAME: "同义词",
    SynonymType.ABBREVIATION: "全称或简称",
    SynonymType.COLLOQUIAL: "规范说法",
    SynonymType.NARROWER: "上位词",
}
# Words that nearly every draft holds and that say nothing of its matter.
GENERIC = frozenset(
    ("项目", "资金", "经费", "专项", "年度", "工作", "工程", "计划", "任务", "完成", "市", "县", "区", "州", "省")
)
# Words of asking, which say nothing of what is asked for.
ASKING = frozenset((
    "指标", "想找", "想要", "想看", "看看", "要找", "找", "想", "要", "哪些", "哪个", "什么", "怎么", "怎样", "如何",
    "应该", "该用", "可以", "能否", "能够", "需要", "请问", "反映", "体现", "衡量", "用来", "类似", "方面", "我", "你",
    "他们", "自己", "有没有", "是不是", "这些", "那些", "这个", "这类", "一类", "还有", "能", "用", "写", "说明",
))  # fmt: skip
# Words that name a category, and the token of the index's category field that they mean.
ASPECTS = {
    "数量": "数量", "质量": "质量", "时效": "时效", "成本": "成本", "经济成本": "经济成本", "社会成本": "社会成本",
    "生态成本": "生态环境成本", "生态环境成本": "生态环境成本", "效益": "效益", "经济效益": "经济效益",
    "社会效益": "社会效益",
    "生态效益": "生态效益", "可持续": "可持续影响", "可持续影响": "可持续影响", "满意度": "满意度", "满意": "满意度",
}  # fmt: skip
# What a word of a project's name is worth beside one of its goal, and one that stands in brackets there.
PROJECT, ASIDE = 1.5, 0.25
# The longest unknown word that is read as an abbreviation, by the first characters of its words.
MAX_GUESS = 4
# The longest clause or word that is remembered, and how many clauses of drafts: some hundred drafts being written.
MAX_CLAUSE, CLAUSES = 64, 16384
_QUOTED = re.compile(r"[\"“”「『]([^\"“”「」『』]{1,100})[\"“”」』]")
_MARK = re.compile(r"[\"“”「」『』*?？＊!！,，。;；:：、()（）\[\]{}<>《》|&^~+=\\/\x00-\x1f]")
# A point between digits belongs to the figure: PM2.5.
_POINT = re.compile(r"(?<!\d)\.|\.(?!\d)")
_CODE = re.compile(r"\d{7}")
_HAN = re.compile(r"[一-鿿]+")


@dataclass(frozen=True)
class Thesaurus:
    """Synonyms by what people write, longest first within a text."""

    by_variant: Mapping[str, tuple[Synonym, ...]]

    @classmethod
    def of(cls, synonyms: Sequence[Synonym]) -> Thesaurus:
        """Each variant leads to its terms; equal names lead both ways."""
        found: dict[str, list[Synonym]] = {}
        for s in synonyms:
            found.setdefault(fold(s.variant), []).append(s)
            if s.type in (SynonymType.SAME, SynonymType.ABBREVIATION):
                found.setdefault(fold(s.term), []).append(Synonym(term=s.variant, variant=s.term, type=s.type))
        return cls({v: tuple(found[v]) for v in sorted(found)})

    @cached_property
    def _lengths(self) -> dict[str, tuple[int, ...]]:
        """How long the variants are that begin with two characters, the longest first."""
        found: dict[str, set[int]] = {}
        for variant in self.by_variant:
            if len(variant) > 1:
                found.setdefault(variant[:2], set()).add(len(variant))
        return {head: tuple(sorted(lengths, reverse=True)) for head, lengths in found.items()}

    def split(self, folded: str, words: Sequence[str] = ()) -> list[tuple[str, tuple[Synonym, ...]]]:
        """The text cut at its variants: (piece, its synonyms or none), nothing lost.

        ``words`` are those of the text in order. A variant that takes half of one of them is none: 护工 in 养护工程.
        """
        lengths = self._lengths
        pieces: list[tuple[str, tuple[Synonym, ...]]] = []
        spans: tuple[list[int], list[int]] | None = None
        plain = 0
        for start in [n for n in range(len(folded) - 1) if folded[n : n + 2] in lengths]:
            if start < plain:
                continue
            for length in lengths[folded[start : start + 2]]:
                end = start + length
                known = self.by_variant.get(folded[start:end]) if end <= len(folded) else None
                if not known:
                    continue
                spans = spans or _spans(folded, words)
                if not _halves(spans, start, end):
                    if plain < start:
                        pieces.append((folded[plain:start], ()))
                    pieces.append((folded[start:end], known))
                    plain = end
                    break
        if plain < len(folded):
            pieces.append((folded[plain:], ()))
        return pieces


def _spans(text: str, words: Sequence[str]) -> tuple[list[int], list[int]]:
    """Where the words start, and where they end."""
    starts, ends = [], []
    at = 0
    for word in words:
        start = text.find(word, at)
        if start >= 0:
            at = start + len(word)
            starts.append(start)
            ends.append(at)
    return starts, ends


def _halves(spans: tuple[list[int], list[int]], start: int, end: int) -> bool:
    """Whether a part of a text takes the end of a word and goes on, or begins before a word and takes its beginning."""
    starts, ends = spans
    first, last = bisect_right(starts, start) - 1, bisect_right(starts, end - 1) - 1
    return (first >= 0 and starts[first] < start < ends[first] < end) or (
        last >= 0 and start < starts[last] and end < ends[last]
    )


class Matters(NamedTuple):
    """What a clause says of a draft: no characters, no figures.

    ``labels`` in order, as often as they are said; ``units`` by label; ``wide`` are those of more than one term.
    """

    labels: tuple[str, ...]
    units: Mapping[str, Unit]
    wide: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """What a text is read with. ``lexicon`` is sorted; ``frequency`` tells in how many public records a word stands."""

    analyzer: Analyzer
    thesaurus: Thesaurus
    settings: Settings
    lexicon: Sequence[str] = ()
    frequency: Callable[[str], int] = lambda _: 1

    def clause(self, text: str) -> tuple[Unit, ...]:
        """The units of a folded text without blanks, in order; most clauses of a draft were there a moment before."""
        return self._clause(text) if len(text) <= MAX_CLAUSE else _clause(self, text)

    def matters(self, text: str) -> Matters:
        """What a text without blanks says of a draft's matter."""
        return self._matters(text) if len(text) <= MAX_CLAUSE else _matters(self, text)

    def unit(self, word: str) -> Unit:
        """A word as a unit: itself, its characters when it is only one, its parts when it has some."""
        return self._unit(word) if len(word) <= MAX_CLAUSE else _unit(self, word)

    def full_forms(self, word: str) -> Sequence[str]:
        """What an unknown short word may stand for: 社区矫正 for 社矫, by the first characters of the words in turn.

        At most two, those that skip the fewest words first.
        """
        if not 2 <= len(word) <= MAX_GUESS or not _HAN.fullmatch(word) or self.frequency(word):
            return []
        return self._full_forms(word)

    # What is worked out from a text with this vocabulary stays true as long as it lasts. It is not held by what it
    # holds: it would stay, with the index that it asks, until cycles are looked for, which a server rarely does.

    @cached_property
    def _clause(self) -> Callable[[str], tuple[Unit, ...]]:
        return lru_cache(maxsize=4096)(partial(_clause, proxy(self)))

    @cached_property
    def _matters(self) -> Callable[[str], Matters]:
        return lru_cache(maxsize=CLAUSES)(partial(_matters, proxy(self)))

    @cached_property
    def _unit(self) -> Callable[[str], Unit]:
        return lru_cache(maxsize=16384)(partial(_unit, proxy(self)))

    @cached_property
    def variant(self) -> Callable[[str], Unit]:
        """Gives a variant of the thesaurus as a unit, with its synonyms."""
        return lru_cache(maxsize=4096)(partial(_variant, proxy(self)))

    @cached_property
    def _full_forms(self) -> Callable[[str], list[str]]:
        return lru_cache(maxsize=4096)(partial(_full_forms, proxy(self)))


def _full_forms(words: Vocabulary, word: str) -> list[str]:
    found = []
    first, last = (bisect_left(words.lexicon, chr(ord(word[0]) + n)) for n in (0, 1))
    for term in words.lexicon[first:last]:
        likely = len(term) > len(word) and _in_turn(word, term)
        parts = words.analyzer.parts(term) if likely else []
        heads = iter(sorted(parts, key=term.index))
        if len(parts) > 1 and all(any(part[0] == c for part in heads) for c in word) and words.frequency(term):
            found.append((len(parts) - len(word), len(term), term))
    return [term for _, _, term in sorted(found)[:2]]


def _in_turn(word: str, term: str) -> bool:
    """Whether a term holds the characters of a word one after another."""
    at = 0
    for character in word:
        at = term.find(character, at) + 1
        if not at:
            return False
    return True


def check(text: str) -> str:
    """The query as it may be used. Raises BadInput when it is too long."""
    if len(text) > MAX_QUERY:
        raise BadInput(f"搜索词过长（{len(text)} 字），请控制在 {MAX_QUERY} 字以内。", field="q")
    return text


def plan(text: str, words: Vocabulary) -> Plan:
    """What the reader typed as units and literals; an empty text gives the empty plan, which every record meets."""
    literals = tuple(tuple(characters(quoted)) for quoted in _QUOTED.findall(text))
    rest = fold(_bare(_QUOTED.sub(" ", text)))
    units: dict[str, Unit] = {}
    for word in rest.split():
        if _CODE.fullmatch(word):
            units[word] = Unit(word, (Term(word, group="code"), Term(word)))
            continue
        if (stem := word.removesuffix("指标")) in ASPECTS:
            units.setdefault(stem, words.unit(stem))
            continue
        for unit in words.clause(word):
            units.setdefault(unit.label, unit)
    # A quoted text also scores, so that the best of the records that hold it come first.
    for literal in literals:
        for unit in _units("".join(literal), words):
            units.setdefault(unit.label, unit)
    asked = {label: unit for label, unit in units.items() if label not in ASKING and not _loose(label, rest)} or units
    found = tuple(_aspect(unit, words) for unit in asked.values()) if len(asked) > 1 else tuple(asked.values())
    literals = tuple(literal for literal in literals if literal)
    if not found and not literals and (typed := characters(text)):
        # Nothing but stop words or signs: found where it stands as it was typed, which may be nowhere.
        return Plan((), (tuple(typed),), 0)
    return Plan(found, literals, 0 if literals and not rest else need(len(found)))


def _bare(text: str) -> str:
    """The text with blanks in place of its signs."""
    text = _MARK.sub(" ", text)
    return _POINT.sub(" ", text) if "." in text else text


def number_plan(text: str, words: Vocabulary) -> Plan | None:
    """The plan for a text that holds a document number: that document, and what else is asked of it; or nothing."""
    keys = numbers.asked(text)
    if not keys:
        return None
    label = keys[0]
    unit = Unit(label, tuple(Term(key, 1.0 if key == label else 0.5, group="code") for key in keys))
    rest = plan(numbers.without(text), words)
    return Plan((unit, *rest.units), rest.literals, 1 + need(len(rest.units)))


def loosened(plan: Plan) -> Plan | None:
    """For a query of a category and an object: any part of the object will do, 救灾 of 救灾资金; or nothing."""
    if not any(names_category(unit) for unit in plan.units):
        return None
    units = tuple(u if names_category(u) else u._replace(terms=(*u.terms, *u.parts), parts=()) for u in plan.units)
    return replace(plan, units=units) if units != plan.units else None


def names_category(unit: Unit) -> bool:
    """Whether a unit asks for records of a category."""
    return any(term.group == "category" for term in unit.terms)


def _loose(label: str, text: str) -> bool:
    """Whether a character was left over when a longer word was cut, and nobody typed it on its own: 不 of 不给钱."""
    return len(label) == 1 and not label.isascii() and label not in text.split()


def _aspect(unit: Unit, words: Vocabulary) -> Unit:
    """A word that names a category, beside others, asks for records of that category."""
    token = ASPECTS.get(unit.label)
    if token is None or not words.settings.query.aspect:
        return unit
    return unit._replace(terms=(Term(token, words.settings.query.aspect, group="category"), *unit.terms))


def need(count: int) -> int:
    """How many of ``count`` units a record must meet: both of two, three of four, seven of ten."""
    return count if count <= 2 else math.ceil(count * 0.7)


def _clause(words: Vocabulary, text: str) -> tuple[Unit, ...]:
    cut = words.analyzer.cut(text)
    found: list[Unit] = []
    for piece, synonyms in words.thesaurus.split(text, cut):
        if synonyms:
            found.append(words.variant(piece))
        else:
            found += _units(piece, words, cut if piece == text else None)
    return tuple(found)


def _matters(words: Vocabulary, text: str) -> Matters:
    units = chain.from_iterable([_clause(words, clause) for clause in fold(text).split()])
    matter = [unit for unit in units if len(unit.label) > 1 and not unit.label[0].isdigit()]
    first = {unit.label: unit for unit in reversed(matter)}
    return Matters(
        tuple([unit.label for unit in matter]), first, tuple([unit.label for unit in matter if len(unit.terms) > 1])
    )


def _units(piece: str, words: Vocabulary, cut: Sequence[str] | None = None) -> list[Unit]:
    """The units of a folded text without synonyms; ``cut`` are its words, where they are known."""
    guess = words.settings.query.guess
    full = words.full_forms(piece) if guess else []
    if full:
        terms = [Term(t, guess, reason=f"可能是“{piece}”的全称") for t in full]
        return [Unit(piece, (Term(piece), *terms))]
    return [*map(words.unit, words.analyzer.cut(piece) if cut is None else cut)]


def _variant(words: Vocabulary, piece: str) -> Unit:
    worth = words.settings.synonyms.of
    whole = words.unit(piece)
    terms = [
        Term(fold(s.term), worth(s.type), reason=f"“{piece}”的{SYNONYM_WORDS[s.type]}", like=piece)
        for s in words.thesaurus.by_variant[piece]
        if worth(s.type)
    ]
    return Unit(piece, (*whole.terms, *terms), whole.parts)


def _unit(words: Vocabulary, word: str) -> Unit:
    if len(word) == 1 and not word.isascii():
        return Unit(word, (Term(word), Term(word, 0.8, group="chars")))
    weight = words.settings.query.part
    parts = [part for part in words.analyzer.parts(word) if part != "指标"]
    return Unit(word, (Term(word),), tuple(Term(part, weight) for part in parts if weight))


def draft(parts: Sequence[tuple[str, float]], words: Vocabulary) -> Plan:
    """A draft's texts, each with a weight, as one plan that a record need not meet any unit of.

    A word said again counts more, but ever less so (1 + ln of the weighted count).
    """
    counts: dict[str, float] = {}
    clauses: list[Matters] = []
    for text, weight in parts:
        here = [*map(words.matters, _bare(text).split())]
        times = Counter(chain.from_iterable([clause.labels for clause in here]))
        said = times if weight == 1.0 else {label: weight * n for label, n in times.items()}
        again = {label: counts[label] + said[label] for label in counts.keys() & said.keys()}
        counts = {**counts, **said, **again}
        clauses += here
    units: dict[str, Unit] = {}
    for clause in reversed(clauses):
        units.update(clause.units)
    own = dict.fromkeys(counts, 1.0)
    for label in [label for label, count in counts.items() if count != 1 or label in GENERIC]:
        own[label] = worth = words.settings.query.generic if label in GENERIC else _said(counts[label])
        units[label] = _times(units[label], worth)
    wide = dict.fromkeys(chain.from_iterable([clause.wide for clause in clauses]))
    _tell_once(units, own, [label for label in wide if len(units[label].terms) > 1])
    return Plan(tuple(map(units.__getitem__, counts)))


def _said(count: float) -> float:
    """What a word is worth that was said so often: ever less more; less than once, in proportion."""
    return 1 + math.log(count) if count >= 1 else count


def _tell_once(units: dict[str, Unit], own: dict[str, float], wide: Sequence[str]) -> None:
    """Leave every synonym in one unit only, that of the greatest weight; a word of the draft is its own.

    公租房, 廉租房 and 保障性住房 in one draft all lead to 公租房: a record that says it is not three times as near.
    ``own`` are the weights of the draft's words, which the first terms of their units are; ``wide`` those with more.
    """
    most: dict[str, tuple[float, str]] = {}
    changed = set(wide)
    for label in wide:
        for text, weight, *_ in units[label].terms[1:]:
            if text in own:
                if weight > own[text]:
                    own[text] = weight
                    changed.add(text)
            elif text not in most or weight > most[text][0]:
                most[text] = weight, label
    for label in changed:
        _, (first, *rest), parts = units[label]
        kept = [term for term in rest if term.text not in own and most[term.text][1] == label]
        if own[label] != first.weight or len(kept) < len(rest):
            units[label] = Unit(label, (first._replace(weight=own[label]), *kept), parts)


_BRACKETS = re.compile(r"[(（\[【]([^()（）\[\]【】]*)[)）\]】]")
# A bracket that ends with a year, or with what only a unit is called, says who and when, not what is done.
_WHO = re.compile(
    r"(?:(?:19|20)[0-9]{2}\s*年?度?|局|厅|委|委员会|办|办公室|支队|大队|政府|镇|乡|县|州|街道|学校|中学|小学|大学|幼儿园|医院|法院|"
    r"检察院|公司|馆|所|站|处|样例|本级)\s*\Z"
)
_DEEP = 5


def matter(project: str) -> str:
    """A project's name without the brackets that name its unit and year: those say nothing of what is done."""
    return _parted(project)[0]


def _parted(project: str) -> tuple[str, str]:
    """What is done, and by whom and when; brackets are opened from the inside."""
    text = normalise(project)
    aside: list[str] = []
    for _ in range(_DEEP):
        if not _BRACKETS.search(text):
            break
        text = _BRACKETS.sub(lambda m: _opened(m[1], aside), text)
    return " ".join(text.split()), " ".join(aside)


def _opened(inside: str, aside: list[str]) -> str:
    if not _WHO.search(inside):
        return f" {inside} "
    aside.append(inside)
    return " "


def project_parts(project: str) -> list[tuple[str, float]]:
    """A project's name as texts with weights."""
    done, aside = _parted(project)
    return [(done, PROJECT), (aside, ASIDE)]


@lru_cache(maxsize=16384)
def _times(unit: Unit, weight: float) -> Unit:
    def scaled(terms: tuple[Term, ...]) -> tuple[Term, ...]:
        return tuple([Term(text, own * weight, group, reason, like) for text, own, group, reason, like in terms])

    return Unit(unit.label, scaled(unit.terms), scaled(unit.parts))
