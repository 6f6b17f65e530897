"""Whether a regular expression can blow up: its automaton is searched for ambiguity, nothing is timed.

A backtracking matcher takes exponential time when some text leads from a state back to itself in two ways, and
polynomial time when a text loops at one state, leads from it to another, and loops there (Weideman and others,
"Analyzing matching time behavior of backtracking regular expression matchers", 2016). The automaton is Glushkov's: one
state for each character class of the expression, with edges counted by how many parts of the expression make them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

_parser, _codes = re._parser, re._constants  # type: ignore[attr-defined]
# A repeat of at most so many is a constant factor and is unrolled; beyond, it counts as endless.
MOST = 200
IGNORECASE, DOTALL, ASCII = int(re.IGNORECASE), int(re.DOTALL), int(re.ASCII)
COPIES = 3
SAMPLE = frozenset(map(chr, range(128))) | frozenset("\x85\xa0\u2028\u3000À中一０，😀")


@dataclass(slots=True)
class Part:
    """A piece of an expression: whether it matches nothing, its first and last states."""

    empty: bool
    first: frozenset[int]
    last: frozenset[int]


@dataclass(slots=True)
class Automaton:
    """States with what they take, and edges with their count; ``held`` states need more than to be reached."""

    alphabet: str
    flags: int
    takes: list[int] = field(default_factory=list)
    edges: Counter[tuple[int, int]] = field(default_factory=Counter)
    held: set[int] = field(default_factory=set)
    bodies: list[Any] = field(default_factory=list)  # of assertions, to be looked at by themselves
    backreference: bool = False
    known: dict[str, int] = field(default_factory=dict)  # the classes that were met

    @property
    def every(self) -> int:
        """The whole alphabet; a set of characters is a number with a bit for each."""
        return (1 << len(self.alphabet)) - 1

    def state(self, takes: int) -> Part:
        self.takes.append(takes)
        new = frozenset({len(self.takes) - 1})
        return Part(False, new, new)

    def then(self, a: Part, b: Part) -> Part:
        self.edges.update((x, y) for x in a.last for y in b.first)
        return Part(
            a.empty and b.empty,
            a.first | b.first if a.empty else a.first,
            a.last | b.last if b.empty else b.last,
        )

    def loop(self, a: Part) -> Part:
        self.edges.update((x, y) for x in a.last for y in a.first)
        return a

    def row(self, items: Iterable[Any]) -> Part:
        whole = Part(True, frozenset(), frozenset())
        for operation, argument in items:
            if operation in (_codes.AT, _codes.ASSERT, _codes.ASSERT_NOT):
                self.held |= whole.last
                if operation is not _codes.AT:
                    self.bodies.append(argument[1])
                continue
            whole = self.then(whole, self.part(operation, argument))
        return whole

    def part(self, operation: Any, argument: Any) -> Part:
        if operation is _codes.SUBPATTERN:
            return self.row(argument[-1])
        if operation is _codes.ATOMIC_GROUP:
            return self.row(argument)
        if operation is _codes.BRANCH:
            found = [self.row(branch) for branch in argument[1]]
            return Part(
                any(p.empty for p in found),
                frozenset().union(*(p.first for p in found)),
                frozenset().union(*(p.last for p in found)),
            )
        if operation in (_codes.MAX_REPEAT, _codes.MIN_REPEAT, getattr(_codes, "POSSESSIVE_REPEAT", None)):
            least, most, body = argument
            endless = most > MOST
            whole = Part(True, frozenset(), frozenset())
            copies = min(max(least, 1), COPIES) if endless else min(most, COPIES)
            for n in range(1, copies + 1):
                one = self.row(body)
                if endless and n == copies:
                    one = self.loop(one)
                if n > least:
                    one = Part(True, one.first, one.last)
                whole = self.then(whole, one)
            return whole
        if operation is _codes.GROUPREF:
            self.backreference = True
            return self.loop(self.state(self.every))
        return self.state(self.characters(operation, argument))

    def characters(self, operation: Any, argument: Any) -> int:
        """The characters of the alphabet that one class takes."""
        if operation is _codes.ANY:
            operation, argument = _codes.NOT_LITERAL, -1 if self.flags & DOTALL else 10
        key = f"{operation} {argument}"
        if key not in self.known:
            self.known[key] = sum(
                1 << n for n, c in enumerate(self.alphabet) if _takes(operation, argument, c, self.flags)
            )
        return self.known[key]


def _takes(operation: Any, argument: Any, c: str, flags: int) -> bool:
    """Whether a class, as the parser gives it, takes a character."""
    codes = [ord(x) for x in {c, c.lower(), c.upper()} if len(x) == 1] if flags & IGNORECASE else [ord(c)]
    if operation is _codes.LITERAL:
        return argument in codes
    if operation is _codes.NOT_LITERAL:
        return argument not in codes
    if operation is _codes.RANGE:
        return any(argument[0] <= code <= argument[1] for code in codes)
    if operation is _codes.CATEGORY:
        letter = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}[str(argument).rpartition("_")[2]]
        return bool(re.fullmatch(rf"\{letter.upper() if 'NOT' in str(argument) else letter}", c, flags & ASCII))
    if operation is _codes.IN:
        negated = argument[0][0] is _codes.NEGATE
        return negated != any(_takes(op, arg, c, flags) for op, arg in argument if op is not _codes.NEGATE)
    raise NotImplementedError(str(operation))


def _literals(tree: Any) -> set[int]:
    """Every code that a tree names."""
    found: set[int] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, int) and not isinstance(node, bool) and 0 <= node < 0x110000:
            found.add(int(node))
        elif isinstance(node, str):
            continue
        elif isinstance(node, Sequence | _parser.SubPattern):
            stack.extend(node)
    return found


def blowups(pattern: str, flags: int, *, searched: bool, whole: bool) -> set[str]:
    """``exponential`` and ``polynomial`` as far as the expression can be; ``searched`` from every place of the text,
    ``whole`` when all of it has to match."""
    tree = _parser.parse(pattern, flags)
    flags = int(tree.state.flags)
    near = {c + d for c in _literals(tree) for d in (-1, 0, 1)}
    alphabet = "".join(sorted(SAMPLE | {chr(c) for c in near if 0 <= c < 0x110000 and not 0xD800 <= c < 0xE000}))
    found: set[str] = set()
    todo: list[tuple[Any, bool]] = [(tree, searched)]
    while todo:
        items, anywhere = todo.pop()
        made = Automaton(alphabet, flags)
        if anywhere:
            begin = made.loop(made.state(made.every))
            made.then(begin, made.row(items))
        else:
            made.row(items)
        # What comes last ends the search, unless more is asked of it.
        ends = set() if whole else _ends(items, alphabet, flags, anywhere) - made.held
        found |= _ambiguous(made, ends)
        # An assertion is tried at every place where it stands: an endless one costs its length each time.
        todo += [(body, searched) for body in made.bodies]
        if made.backreference:
            found.add("backreference")
    return found


def _ends(items: Any, alphabet: str, flags: int, anywhere: bool) -> set[int]:
    again = Automaton(alphabet, flags)
    if anywhere:
        again.state(again.every)
    return set(again.row(items).last)


def _ambiguous(made: Automaton, ends: set[int]) -> set[str]:
    after: dict[int, list[int]] = {a: [] for a in range(len(made.takes))}
    for a, b in made.edges:
        after[a].append(b)
    reach = {a: _reached(a, after) for a in after}
    looping = [a for a in reach if a in reach[a]]
    home = {a: frozenset(b for b in reach[a] if a in reach[b]) for a in looping}
    found = set()
    if any(n > 1 and a in reach[b] and b not in ends for (a, b), n in made.edges.items()):
        found.add("exponential")
    # One state stands for all of its circle: the words only turn.
    for p in {min(home[a]) for a in looping}:
        if not home[p] <= ends and _two_ways_back(p, made.takes, after, home[p]):
            found.add("exponential")
        for q in looping:
            if (
                q in reach[p]
                and p not in reach[q]
                and q not in ends
                and _loops_meet(p, q, made.takes, after, reach, home)
            ):
                found.add("polynomial")
    return found


def _reached(start: int, after: dict[int, list[int]]) -> set[int]:
    seen: set[int] = set()
    stack = list(after[start])
    while stack:
        at = stack.pop()
        if at not in seen:
            seen.add(at)
            stack += after[at]
    return seen


def _two_ways_back(p: int, takes: list[int], after: dict[int, list[int]], home: frozenset[int]) -> bool:
    """Whether some text leads from ``p`` to ``p`` in two ways."""
    seen: set[tuple[int, int, bool]] = set()
    stack = [(p, p, False)]
    while stack:
        a, b, parted = stack.pop()
        here = [x for x in after[a] if x in home]
        for n, x in enumerate(here):
            for y in here[n:] if a == b else [y for y in after[b] if y in home]:
                if takes[x] & takes[y]:
                    step = (min(x, y), max(x, y), parted or x != y)
                    if step == (p, p, True):
                        return True
                    if step not in seen:
                        seen.add(step)
                        stack.append(step)
    return False


def _loops_meet(  # noqa: PLR0917
    p: int,
    q: int,
    takes: list[int],
    after: dict[int, list[int]],
    reach: dict[int, set[int]],
    home: dict[int, frozenset[int]],
) -> bool:
    """Whether one text leads from ``p`` to ``p``, from ``p`` to ``q``, and from ``q`` to ``q``."""
    seen: set[tuple[int, int, int]] = set()
    stack = [(p, p, q)]
    while stack:
        a, b, c = stack.pop()
        for x, z in ((x, z) for x in after[a] if x in home[p] for z in after[c] if z in home[q]):
            both = takes[x] & takes[z]
            if not both:
                continue
            for y in after[b]:
                if both & takes[y] and (y == q or q in reach[y]):
                    if (x, y, z) == (p, q, q):
                        return True
                    if (x, y, z) not in seen:
                        seen.add((x, y, z))
                        stack.append((x, y, z))
    return False
