"""Text -> query plan. Pure: analyzer and thesaurus are handed in."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from corpus import numbers
from corpus.errors import BadInput
from corpus.text import fold
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
_QUOTED = re.compile(r"[\"“”「『]([^\"“”「」『』]{1,100})[\"“”」』]")
# A point between digits belongs to the figure: PM2.5.
_JUNK = re.compile(r"(?:[\"“”「」『』*?？＊!！,，。;；:：、()（）\[\]{}<>《》|&^~+=\\/\x00-\x1f]|(?<!\d)\.|\.(?!\d))+")
_CODE = re.compile(r"\d{7}")
_HAN = re.compile(r"[一-鿿]+")


@dataclass(frozen=True, slots=True)
class Thesaurus:
    """Synonyms by what people write, longest first within a text."""

    by_variant: Mapping[str, tuple[Synonym, ...]]
    longest: int

    @classmethod
    def of(cls, synonyms: Sequence[Synonym]) -> Thesaurus:
        """Each variant leads to its terms; equal names lead both ways."""
        found: dict[str, list[Synonym]] = {}
        for s in synonyms:
            found.setdefault(fold(s.variant), []).append(s)
            if s.type in (SynonymType.SAME, SynonymType.ABBREVIATION):
                found.setdefault(fold(s.term), []).append(Synonym(term=s.variant, variant=s.term, type=s.type))
        return cls({v: tuple(found[v]) for v in sorted(found)}, max(map(len, found), default=0))

    def split(self, folded: str, words: Sequence[str] = ()) -> list[tuple[str, tuple[Synonym, ...]]]:
        """The text cut at its variants: (piece, its synonyms or none), nothing lost.

        ``words`` are those of the text in order. A variant that takes half of one of them is none: 护工 in 养护工程.
        """
        pieces: list[tuple[str, tuple[Synonym, ...]]] = []
        firsts, lasts = _spans(folded, words)
        plain = start = 0
        while start < len(folded):
            for length in range(min(self.longest, len(folded) - start), 1, -1):
                end = start + length
                known = self.by_variant.get(folded[start:end])
                halves = known and (
                    (firsts[start] < start and lasts[start] < end) or (firsts[end - 1] > start and lasts[end - 1] > end)
                )
                if known and not halves:
                    if plain < start:
                        pieces.append((folded[plain:start], ()))
                    pieces.append((folded[start:end], known))
                    plain = start = end
                    break
            else:
                start += 1
        if plain < len(folded):
            pieces.append((folded[plain:], ()))
        return pieces


def _spans(text: str, words: Sequence[str]) -> tuple[list[int], list[int]]:
    """For each character, where the word that it belongs to starts and ends."""
    firsts, lasts = list(range(len(text))), list(range(1, len(text) + 1))
    at = 0
    for word in words:
        start = text.find(word, at)
        if start >= 0:
            at = start + len(word)
            firsts[start:at] = [start] * len(word)
            lasts[start:at] = [at] * len(word)
    return firsts, lasts


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a text is read with. ``lexicon`` is sorted; ``frequency`` tells in how many public records a word stands."""

    analyzer: Analyzer
    thesaurus: Thesaurus
    settings: Settings
    lexicon: Sequence[str] = ()
    frequency: Callable[[str], int] = lambda _: 1

    def full_forms(self, word: str) -> list[str]:
        """What an unknown short word may stand for: 社区矫正 for 社矫, by the first characters of the words in turn.

        At most two, those that skip the fewest words first.
        """
        if not 2 <= len(word) <= MAX_GUESS or not _HAN.fullmatch(word) or self.frequency(word):
            return []
        found = []
        for term in self.lexicon[bisect_left(self.lexicon, word[0]) : bisect_left(self.lexicon, chr(ord(word[0]) + 1))]:
            parts = self.analyzer.parts(term) if len(term) > len(word) else []
            heads = iter(sorted(parts, key=term.index))
            if len(parts) > 1 and all(any(part[0] == c for part in heads) for c in word) and self.frequency(term):
                found.append((len(parts) - len(word), len(term), term))
        return [term for _, _, term in sorted(found)[:2]]


def check(text: str) -> str:
    """The query as it may be used. Raises BadInput when it is too long."""
    if len(text) > MAX_QUERY:
        raise BadInput(f"搜索词过长（{len(text)} 字），请控制在 {MAX_QUERY} 字以内。", field="q")
    return text


def plan(text: str, words: Vocabulary) -> Plan:
    """What the reader typed as units and literals; an empty text gives the empty plan, which every record meets."""
    literals = tuple(tuple(characters(quoted)) for quoted in _QUOTED.findall(text))
    rest = fold(_JUNK.sub(" ", _QUOTED.sub(" ", text)))
    units: dict[str, Unit] = {}
    for word in rest.split():
        if _CODE.fullmatch(word):
            units[word] = Unit(word, (Term(word, group="code"), Term(word)))
            continue
        if (stem := word.removesuffix("指标")) in ASPECTS:
            units.setdefault(stem, _unit(stem, words))
            continue
        for piece, synonyms in words.thesaurus.split(word, words.analyzer.words(word)):
            for unit in _units(piece, synonyms, words):
                units.setdefault(unit.label, unit)
    # A quoted text also scores, so that the best of the records that hold it come first.
    for literal in literals:
        for unit in _units("".join(literal), (), words):
            units.setdefault(unit.label, unit)
    asked = {label: unit for label, unit in units.items() if label not in ASKING and not _loose(label, rest)} or units
    found = tuple(_aspect(unit, words) for unit in asked.values()) if len(asked) > 1 else tuple(asked.values())
    literals = tuple(literal for literal in literals if literal)
    if not found and not literals and (typed := characters(text)):
        # Nothing but stop words or signs: found where it stands as it was typed, which may be nowhere.
        return Plan((), (tuple(typed),), 0)
    return Plan(found, literals, 0 if literals and not rest else need(len(found)))


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
    units = tuple(u if names_category(u) else replace(u, terms=(*u.terms, *u.parts), parts=()) for u in plan.units)
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
    return replace(unit, terms=(Term(token, words.settings.query.aspect, group="category"), *unit.terms))


def need(count: int) -> int:
    """How many of ``count`` units a record must meet: both of two, three of four, seven of ten."""
    return count if count <= 2 else math.ceil(count * 0.7)


def _units(piece: str, synonyms: tuple[Synonym, ...], words: Vocabulary) -> list[Unit]:
    settings = words.settings
    if not synonyms:
        full = words.full_forms(piece) if settings.query.guess else []
        if full:
            terms = [Term(t, settings.query.guess, reason=f"可能是“{piece}”的全称") for t in full]
            return [Unit(piece, (Term(piece), *terms))]
        return [_unit(word, words) for word in words.analyzer.words(piece)]
    whole = _unit(piece, words)
    terms = [
        Term(fold(s.term), settings.synonyms.of(s.type), reason=f"“{piece}”的{SYNONYM_WORDS[s.type]}", like=piece)
        for s in synonyms
        if settings.synonyms.of(s.type)
    ]
    return [Unit(piece, (*whole.terms, *terms), whole.parts)]


def _unit(word: str, words: Vocabulary) -> Unit:
    """A word as a unit: itself, its characters when it is only one, its parts when it has some."""
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
    units: dict[str, Unit] = {}
    for text, weight in parts:
        for word in fold(_JUNK.sub(" ", text)).split():
            for piece, synonyms in words.thesaurus.split(word, words.analyzer.words(word)):
                for unit in _units(piece, synonyms, words):
                    if len(unit.label) > 1 and not unit.label[0].isdigit():
                        units.setdefault(unit.label, unit)
                        counts[unit.label] = counts.get(unit.label, 0.0) + weight
    generic = words.settings.query.generic
    return Plan(
        tuple(
            _times(unit, generic if label in GENERIC else _said(counts[label])) for label, unit in _once(units).items()
        )
    )


def _said(count: float) -> float:
    """What a word is worth that was said so often: ever less more; less than once, in proportion."""
    return 1 + math.log(count) if count >= 1 else count


def _once(units: Mapping[str, Unit]) -> dict[str, Unit]:
    """The units with every term in one of them only, that of the greatest weight.

    公租房, 廉租房 and 保障性住房 in one draft all lead to 公租房: a record that says it is not three times as near.
    """
    best: dict[str, tuple[float, str]] = {}
    for label, unit in units.items():
        for term in (*unit.terms, *unit.parts):
            if term.text not in best or term.weight > best[term.text][0]:
                best[term.text] = (term.weight, label)
    return {
        label: Unit(
            label,
            tuple(t for n, t in enumerate(unit.terms) if n == 0 or best[t.text][1] == label),
            tuple(t for t in unit.parts if best[t.text][1] == label),
        )
        for label, unit in units.items()
    }


_BRACKETS = re.compile(r"[(（\[【]([^()（）\[\]【】]*)[)）\]】]")
# What a bracket holds that names who does it and when, not what is done.
_WHO = re.compile(
    r"(?:局|厅|委|办|办公室|队|中心|院|学校|中学|小学|大学|幼儿园|镇|乡|县|市|区|州|街道|所|站|会|处|馆|公司|场|部|村)"
    r"\s*(?:(?:19|20)[0-9]{2}\s*年?度?)?\Z|\A\s*(?:19|20)[0-9]{2}\s*年?度?\s*\Z"
)


def _who(inside: str) -> bool:
    return _WHO.search(inside) is not None


def matter(project: str) -> str:
    """A project's name without the brackets that name its unit and year: those say nothing of what is done."""
    return _BRACKETS.sub(lambda found: " " if _who(found[1]) else f" {found[1]} ", project).strip()


def project_parts(project: str) -> list[tuple[str, float]]:
    """A project's name as texts with weights."""
    aside = [inside for inside in _BRACKETS.findall(project) if _who(inside)]
    return [(matter(project), PROJECT), (" ".join(aside), ASIDE)]


def _times(unit: Unit, weight: float) -> Unit:
    def scaled(terms: tuple[Term, ...]) -> tuple[Term, ...]:
        return tuple(replace(t, weight=t.weight * weight) for t in terms)

    return Unit(unit.label, scaled(unit.terms), scaled(unit.parts))
