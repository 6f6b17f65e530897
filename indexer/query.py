"""Text -> query plan. Pure: analyzer and thesaurus are handed in."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from corpus.errors import BadInput
from corpus.text import fold
from corpus.words import Synonym, SynonymType
from indexer.analysis import Analyzer, characters
from indexer.engine import Plan, Term, Unit

MAX_QUERY = 500
# What a synonym is worth beside the reader's own word: an equal name nearly all, a loose one about half.
SYNONYM_WEIGHT = {
    SynonymType.SAME: 0.9,
    SynonymType.ABBREVIATION: 0.9,
    SynonymType.COLLOQUIAL: 0.8,
    SynonymType.NARROWER: 0.6,
}
SYNONYM_WORDS = {
    SynonymType.SAME: "同义词",
    SynonymType.ABBREVIATION: "全称或简称",
    SynonymType.COLLOQUIAL: "规范说法",
    SynonymType.NARROWER: "上位词",
}
# A word's own smaller parts (农村、公路 of 农村公路) count, but less than the word.
PART_WEIGHT = 0.45
# Words that nearly every draft holds and that say nothing of its matter.
GENERIC = frozenset(
    ("项目", "资金", "经费", "专项", "年度", "工作", "工程", "计划", "任务", "完成", "市", "县", "区", "州", "省")
)
GENERIC_WEIGHT = 0.3
_QUOTED = re.compile(r"[\"“”「『]([^\"“”「」『』]{1,100})[\"“”」』]")
_JUNK = re.compile(r"[\"“”「」『』*?？＊!！,，。.;；:：、()（）\[\]{}<>《》|&^~+=\\/\x00-\x1f]+")
_CODE = re.compile(r"\d{7}")


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

    def split(self, folded: str) -> list[tuple[str, tuple[Synonym, ...]]]:
        """The text cut at its variants: (piece, its synonyms or none), nothing lost."""
        pieces: list[tuple[str, tuple[Synonym, ...]]] = []
        plain = start = 0
        while start < len(folded):
            for length in range(min(self.longest, len(folded) - start), 1, -1):
                known = self.by_variant.get(folded[start : start + length])
                if known:
                    if plain < start:
                        pieces.append((folded[plain:start], ()))
                    pieces.append((folded[start : start + length], known))
                    plain = start = start + length
                    break
            else:
                start += 1
        if plain < len(folded):
            pieces.append((folded[plain:], ()))
        return pieces


def check(text: str) -> str:
    """The query as it may be used. Raises BadInput when it is too long."""
    if len(text) > MAX_QUERY:
        raise BadInput(f"搜索词过长（{len(text)} 字），请控制在 {MAX_QUERY} 字以内。", field="q")
    return text


def plan(text: str, analyzer: Analyzer, thesaurus: Thesaurus) -> Plan:
    """What the reader typed as units and literals; an empty text gives the empty plan, which every record meets."""
    literals = tuple(tuple(characters(quoted)) for quoted in _QUOTED.findall(text))
    rest = fold(_JUNK.sub(" ", _QUOTED.sub(" ", text)))
    units: dict[str, Unit] = {}
    for word in rest.split():
        if _CODE.fullmatch(word):
            units[word] = Unit(word, (Term(word, group="code"), Term(word)))
            continue
        for piece, synonyms in thesaurus.split(word):
            for unit in _units(piece, synonyms, analyzer):
                units.setdefault(unit.label, unit)
    # A quoted text also scores, so that the best of the records that hold it come first.
    for literal in literals:
        for unit in _units("".join(literal), (), analyzer):
            units.setdefault(unit.label, unit)
    found = tuple(units.values())
    literals = tuple(literal for literal in literals if literal)
    if not found and not literals and (typed := characters(text)):
        # Nothing but stop words or signs: found where it stands as it was typed, which may be nowhere.
        return Plan((), (tuple(typed),), 0)
    return Plan(found, literals, 0 if literals and not rest else need(len(found)))


def need(count: int) -> int:
    """How many of ``count`` units a record must meet: both of two, three of four, seven of ten."""
    return count if count <= 2 else math.ceil(count * 0.7)


def _units(piece: str, synonyms: tuple[Synonym, ...], analyzer: Analyzer) -> list[Unit]:
    if not synonyms:
        return [_unit(word, analyzer) for word in analyzer.words(piece)]
    whole = _unit(piece, analyzer)
    terms = [
        Term(fold(s.term), SYNONYM_WEIGHT[s.type], reason=f"“{piece}”的{SYNONYM_WORDS[s.type]}", like=piece)
        for s in synonyms
    ]
    return [Unit(piece, (*whole.terms, *terms), whole.parts)]


def _unit(word: str, analyzer: Analyzer) -> Unit:
    """A word as a unit: itself, its characters when it is only one, its parts when it has some."""
    if len(word) == 1 and not word.isascii():
        return Unit(word, (Term(word), Term(word, 0.8, group="chars")))
    return Unit(word, (Term(word),), tuple(Term(part, PART_WEIGHT) for part in analyzer.parts(word)))


def draft(parts: Sequence[tuple[str, float]], analyzer: Analyzer, thesaurus: Thesaurus) -> Plan:
    """A draft's texts, each with a weight, as one plan that a record need not meet any unit of.

    A word said again counts more, but ever less so (1 + ln of the weighted count).
    """
    counts: dict[str, float] = {}
    units: dict[str, Unit] = {}
    for text, weight in parts:
        for word in fold(_JUNK.sub(" ", text)).split():
            for piece, synonyms in thesaurus.split(word):
                for unit in _units(piece, synonyms, analyzer):
                    if len(unit.label) > 1 and not unit.label[0].isdigit():
                        units.setdefault(unit.label, unit)
                        counts[unit.label] = counts.get(unit.label, 0.0) + weight
    return Plan(
        tuple(
            _times(unit, GENERIC_WEIGHT if label in GENERIC else 1 + math.log(max(counts[label], 0.5)))
            for label, unit in units.items()
        )
    )


def _times(unit: Unit, weight: float) -> Unit:
    def scaled(terms: tuple[Term, ...]) -> tuple[Term, ...]:
        return tuple(replace(t, weight=t.weight * weight) for t in terms)

    return Unit(unit.label, scaled(unit.terms), scaled(unit.parts))
