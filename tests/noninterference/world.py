"""A library that runs, and beside it, as long as it runs, what it would be without what each person may not see."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache

from corpus.model import Indicator, Status, Visibility
from corpus.store import Store
from indexer import build, meaning
from indexer.semantic import Embedder
from webapp import create_app
from webapp.security import Attempts

from .library import Library, create, remove, sees, without, write
from .personas import PERSONAS, Persona, secret

# What may differ between two libraries, each by the one place where it stands.
MASKS: Mapping[str, tuple[re.Pattern[bytes], bytes]] = {
    "CSRF token in a form": (re.compile(rb'(?<=name="csrf_token" value=")[\w-]{32}(?=")'), b"CSRF"),
    "CSRF token of a page": (re.compile(rb'(?<=<meta name="csrf-token" content=")[\w-]{32}(?=">)'), b"CSRF"),
    "id of a session or token": (re.compile(rb"(?<=/)(sessions|tokens)/[0-9a-f]{10}(?=/(end|revoke)\")"), rb"\1/ID"),
    "id of a token in the list of one's own": (
        re.compile(rb'(?<=<tr><td class="nowrap"><code>)[0-9a-f]{10}(?=</code></td>)'),
        b"ID",
    ),
    "session cookie": (re.compile(rb"(?<=^zhibiao=)[\w.-]+(?=;)"), b"SESSION"),
}


# The clock of the sender; the answers under comparison are not sent at the same moment.
UNCOMPARED_HEADERS = frozenset({"Date"})


def masked(text: bytes) -> bytes:
    """The text with what may differ written over."""
    for pattern, word in MASKS.values():
        text = pattern.sub(word, text)
    return text


@dataclass(frozen=True)
class Ask:
    """A request. ``changes`` says that it may change what the library answers to others."""

    endpoint: str
    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    changes: bool = False


@dataclass(frozen=True)
class Answer:
    """Everything that a client receives."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def tag(self) -> str:
        return dict(self.headers).get("ETag", "")


@dataclass(frozen=True)
class Difference:
    """Where somebody could tell a library from the one without."""

    persona: str
    ask: Ask
    whole: Answer
    twin: Answer


class Side:
    """One of the libraries: its data folder, the application over it, and everybody's client."""

    def __init__(self, folder: Path, library: Library, model: Embedder | None = None) -> None:
        self.folder = folder
        self.model = model
        store = create(folder, library)
        meaning.keep(store, model)
        store.close()
        self.app: Flask = create_app(folder)
        self.app.testing = True
        # Compiling the pages anew for every library would take longer than asking for them.
        self.app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(folder.parent))
        self._clients: dict[str, tuple[FlaskClient, dict[str, str]]] = {}
        # Now and not when they first ask: accounts and audit tell of sessions and tokens.
        self._tokens = {p.name: secret(self.store, p) for p in PERSONAS if p.token}
        for persona in PERSONAS:
            self._client(persona)

    @property
    def store(self) -> Store:
        found: Store = self.app.extensions["zhibiao"].store
        return found

    @property
    def desk(self) -> Any:
        return self.app.extensions["zhibiao_relevance"]

    def answer(self, persona: Persona, ask: Ask) -> Answer:
        """What the persona receives."""
        client, headers = self._client(persona)
        self.app.extensions["zhibiao_attempts"] = Attempts()
        response = client.open(
            ask.path, method=ask.method, query_string=dict(ask.query), json=ask.json, data=ask.form,
            headers={**headers, **ask.headers}, buffered=True,
        )  # fmt: skip
        headers_kept = [(k, masked(v.encode()).decode()) for k, v in response.headers if k not in UNCOMPARED_HEADERS]
        if ask.endpoint.startswith("account.") and ask.method == "POST":
            del self._clients[persona.name]  # may have signed in or out
            self._client(persona)
        return Answer(response.status_code, tuple(headers_kept), masked(response.get_data()))

    def _client(self, persona: Persona) -> tuple[FlaskClient, dict[str, str]]:
        if persona.name not in self._clients:
            client, headers = self.app.test_client(), {}
            if persona.token:
                headers["Authorization"] = f"Bearer {self._tokens[persona.name]}"
            with client.session_transaction() as session:
                session["csrf"] = "test-token"
                if persona.user and not persona.token:
                    session["session"] = secret(self.store, persona)
            self._clients[persona.name] = client, headers
        return self._clients[persona.name]

    def settle(self) -> None:
        """What the service does behind the answers after a change."""
        meaning.keep(self.store, self.model)

    def close(self) -> None:
        at = self.app.extensions["zhibiao"]
        self.desk.stop()
        at.live.close()
        at.store.close()


class World:
    """The whole library and its twins, which follow it through every change."""

    def __init__(
        self,
        folder: Path,
        library: Library,
        personas: Sequence[Persona] = PERSONAS,
        model: Embedder | None = None,
    ) -> None:
        self.library = library
        self.personas = personas
        self.whole = Side(folder / "whole", library, model)
        self.twins: dict[Library, Side] = {}
        self._of: dict[str, Library] = {}
        for persona in personas:
            left = self._of[persona.name] = without(library, persona.actor)
            if left not in self.twins:
                self.twins[left] = Side(folder / f"twin-{len(self.twins)}", left, model)
        self.compared = 0
        self.differences: list[Difference] = []

    @property
    def sides(self) -> list[Side]:
        return [self.whole, *self.twins.values()]

    def twin(self, persona: Persona) -> Side:
        """The library without what the persona may not see."""
        return self.twins[self._of[persona.name]]

    def compare(self, persona: Persona, ask: Ask) -> Answer:
        """Ask both, and again as one who holds the answer; what may change something is asked of every twin."""
        whole = self._compare(persona, ask)
        if whole.tag and ask.method == "GET" and ask.endpoint.startswith("api."):
            self._compare(persona, replace(ask, headers={**ask.headers, "If-None-Match": whole.tag}))
        return whole

    def _compare(self, persona: Persona, ask: Ask) -> Answer:
        whole = self.whole.answer(persona, ask)
        for side in self.twins.values():
            if side is self.twin(persona):
                twin = side.answer(persona, ask)
            elif ask.changes:
                side.answer(persona, ask)
        self.compared += 1
        if whole != twin:
            self.differences.append(Difference(persona.name, ask, whole, twin))
        return whole

    def change(self, new: Indicator) -> None:
        """Put a record, known or new, into the whole library and wherever it is seen; take it away elsewhere."""
        old = next((i for i in self.library.records if i.id == new.id), None)
        records = [i for i in self.library.records if i.id != new.id]
        self.library = replace(self.library, records=(*records, new))
        write(self.whole.store, [new])
        for left, side in self.twins.items():
            actor = next(p.actor for p in self.personas if self._of[p.name] == left)
            if sees(actor, new):
                known = any(i.id == new.replaced_by and sees(actor, i) for i in self.library.records)
                write(side.store, [new if known else replace(new, replaced_by="")])
            elif old and sees(actor, old):
                remove(side.store, old)
        for side in self.sides:
            side.settle()

    def build(self, *, whole_only: bool = False) -> None:
        """Build a generation, everywhere or in the whole library alone."""
        for side in [self.whole] if whole_only else self.sides:
            build.build(side.store)
            side.settle()

    def close(self) -> None:
        for side in self.sides:
            side.close()


@contextmanager
def world(
    folder: Path, library: Library, personas: Sequence[Persona] = PERSONAS, model: Embedder | None = None
) -> Iterator[World]:
    """A world that is closed at the end."""
    made = World(folder, library, personas, model)
    try:
        yield made
    finally:
        made.close()


def shrunk(folder: Path, library: Library, persona: Persona, ask: Ask) -> tuple[Indicator, ...]:
    """The fewest records out of sight, found by leaving out one after the other, with which the answers differ."""
    actor = persona.actor
    left = library
    for number, i in enumerate(i for i in library.records if not sees(actor, i)):
        fewer = replace(left, records=tuple(other for other in left.records if other.id != i.id))
        with world(folder / f"shrink-{number}", fewer, [persona]) as smaller:
            smaller.compare(persona, ask)
            if smaller.differences:
                left = fewer
    return tuple(i for i in left.records if not sees(actor, i))


def sealed(i: Indicator) -> Indicator:
    """The record, no longer public."""
    return replace(i, visibility=Visibility.RESTRICTED, restricted_reason="涉密", revision=i.revision + 1)


def published(i: Indicator) -> Indicator:
    """The record, public from now on."""
    return replace(i, visibility=Visibility.PUBLIC, restricted_reason="", revision=i.revision + 1)


def retired(i: Indicator, by: str = "") -> Indicator:
    """The record, no longer in force."""
    return replace(i, status=Status.RETIRED, replaced_by=by, revision=i.revision + 1)


def report(differences: Sequence[Difference]) -> str:
    """The first differences in words, with the place where the answers part."""
    lines = [f"{len(differences)} differences"]
    for d in differences[:5]:
        at = next((n for n, (a, b) in enumerate(zip(d.whole.body, d.twin.body, strict=False)) if a != b), 0)
        cut = slice(max(0, at - 120), at + 160)
        lines += [
            f"{d.persona}: {d.ask}",
            f"  whole {d.whole.status} …{d.whole.body[cut].decode(errors='replace')}",
            f"  twin  {d.twin.status} …{d.twin.body[cut].decode(errors='replace')}",
            f"  headers {set(d.whole.headers) ^ set(d.twin.headers)}",
        ]
    return "\n".join(lines)
