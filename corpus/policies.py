"""Policies as knowledge: documents with numbered passages, and the links between documents that cite each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2s
from pathlib import Path

from corpus import editions, numbers, seen, structure
from corpus.access import Actor, Clearance, visible
from corpus.errors import NotFound
from corpus.memory import Memory
from corpus.model import Citation, Passage, Policy, Visibility
from corpus.readers.documents import read_document
from corpus.store import Store, now

# Passages by the id that the index knows them by; their policy is what the feed names.
_memory = Memory["Found"](kept=5_000, source=lambda id: id.rsplit("-", 1)[0])
# The basis of a document that was read from its own file, as against a digest of it.
ORIGINAL = "原文导入"
_COLUMNS = "id, title, number, issuer, year, theme, status, basis, source, visibility, owner, revision, updated"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document as it would be stored."""

    policy: Policy
    sha256: str
    passages: tuple[Passage, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A document named in a passage; ``cited_id`` is its own record where the library holds it."""

    ordinal: int
    number: str
    title: str
    cited_id: str | None
    cited_title: str | None


@dataclass(frozen=True, slots=True)
class Backlink:
    """A passage elsewhere that names this document."""

    policy_id: str
    policy_title: str
    ordinal: int
    section: str


@dataclass(frozen=True, slots=True)
class Found:
    """A passage together with the document it stands in."""

    policy: Policy
    passage: Passage

    @property
    def citation(self) -> str:
        """How the passage is cited: document, section, page."""
        place = f"第{self.passage.section}部分" if self.passage.section else f"第{self.passage.ordinal}段"
        if self.passage.section.startswith("第"):
            place = self.passage.section
        page = f"，第 {self.passage.page} 页" if self.passage.page else ""
        number = f"（{self.policy.number}）" if self.policy.number else ""
        return f"《{self.policy.title}》{number}{place}{page}"

    def as_json(self) -> dict[str, object]:
        return {
            "policy": self.policy.id,
            "title": self.policy.title,
            "ordinal": self.passage.ordinal,
            "path": list(self.passage.path),
            "section": self.passage.section,
            "page": self.passage.page,
            "text": self.passage.text,
            "citation": self.citation,
        }


def parse(path: Path) -> Parsed:
    """Read a document file into a policy, its passages and the documents it cites.

    Raises Unreadable or TooLarge, naming the file.
    """
    raw = read_document(path)
    passages = tuple(structure.passages(raw))
    title = structure.title_of(raw)
    text = "\n".join(block.text for block in raw.blocks)
    return Parsed(
        policy=Policy(
            id="p" + blake2s(raw.sha256.encode(), digest_size=5).hexdigest(),
            title=title,
            number=numbers.own_number(raw.blocks),
            issuer=structure.issuer_of(title, text),
            year=structure.year_of(title, text),
            theme="",
            status="有效性未核",
            basis=ORIGINAL,
            source=raw.source_name,
            visibility=Visibility.PUBLIC,
            owner="",
            revision=0,
            updated="",
        ),
        sha256=raw.sha256,
        passages=passages,
        citations=tuple(structure.citations(list(passages))),
    )


def put(store: Store, documents: Sequence[Parsed], *, actor: str) -> tuple[int, int]:
    """Write documents that are not there yet, all or nothing.

    Returns how many were written, and how many were there already with the same content.
    Raises Conflict when a restricted one does not belong in this edition.
    """
    at = now()
    written: list[tuple[str, int, dict[str, object]]] = []
    with store.writing() as db:
        editions.admit(store, (d.policy for d in documents))
        have = {row["id"] for row in store.rows("select id from policies")}
        for document in documents:
            p = replace(document.policy, revision=1, updated=at)
            if p.id in have:
                continue
            have.add(p.id)
            db.conn.execute(
                f"insert into policies ({_COLUMNS}, sha256) values ({', '.join('?' * 14)})",
                [p.id, p.title, p.number, p.issuer, p.year, p.theme, p.status, p.basis, p.source,
                 p.visibility.value, p.owner, p.revision, p.updated, document.sha256],
            )  # fmt: skip
            db.conn.executemany(
                "insert into passages values (?, ?, ?, ?, ?, ?, ?)",
                [
                    (p.id, x.ordinal, json.dumps(x.path, ensure_ascii=False), x.section, x.page, x.kind, x.text)
                    for x in document.passages
                ],
            )
            db.conn.executemany(
                "insert or ignore into citations (policy_id, ordinal, number, title) values (?, ?, ?, ?)",
                [(p.id, c.ordinal, c.number, c.title) for c in document.citations],
            )
            written.append((p.id, 1, p.as_json()))
        if written:
            store.record(
                "policies", written, actor=actor, action="import", detail="、".join(str(w[2]["title"]) for w in written)
            )
    return len(written), len(documents) - len(written)


def _cited(actor: Actor) -> tuple[str, list[str]]:
    """The id that citation ``c`` points at: the one document of that number, else the one of exactly that title.

    It is found among what ``actor`` may see, so that an unseen document neither takes a link nor blurs one.
    """
    condition, parameters = visible(actor).sql("o")
    only = "(select case when count(*) = 1 then min(o.id) end from policies o where {} and o.id <> c.policy_id and {})"
    number = only.format("c.number <> '' and o.number = c.number", condition)
    title = only.format("c.title <> '' and o.title = c.title", condition)
    return f"coalesce({number}, {title})", parameters * 2


def get(store: Store, id: str, actor: Actor) -> Policy:
    """One document. Raises NotFound when there is none that ``actor`` may see."""
    condition, parameters = visible(actor).sql("p")
    rows = store.rows(f"select {_COLUMNS} from policies p where id = ? and {condition}", [id, *parameters])
    if not rows:
        raise NotFound("没有找到这份文件，请检查编号或返回政策库。")
    found = _policy(rows[0])
    seen.report("policies", [found], sure=True)
    return found


def everything(store: Store, actor: Actor) -> list[Policy]:
    """The shelf as ``actor`` may see it, newest first."""
    condition, parameters = visible(actor).sql("p")
    rows = store.rows(f"select {_COLUMNS} from policies p where {condition} order by year desc, title", parameters)
    shelf = [_policy(row) for row in rows]
    seen.report("policies", shelf)
    return shelf


def passages(store: Store, policy_id: str) -> list[Passage]:
    """A document's passages in order; ask :func:`get` first whether the reader may see it."""
    rows = store.rows("select * from passages where policy_id = ? order by ordinal", [policy_id])
    return [_passage(row) for row in rows]


def citations(store: Store, policy_id: str, actor: Actor) -> list[Link]:
    """The documents that one names, linked where the library holds them and ``actor`` may see them."""
    cited, parameters = _cited(actor)
    rows = store.rows(
        "select c.ordinal, c.number, c.title, p.id as cited_id, p.title as cited_title from citations c "
        f"left join policies p on p.id = {cited} where c.policy_id = ? "
        "order by c.ordinal, c.number, c.title",
        [*parameters, policy_id],
    )
    links = [Link(**row) for row in rows]
    _report(store, actor, {link.cited_id for link in links if link.cited_id})
    return links


def cited_by(store: Store, policy_id: str, actor: Actor) -> list[Backlink]:
    """The passages elsewhere that name a document."""
    condition, parameters = visible(actor).sql("p")
    cited, more = _cited(actor)
    rows = store.rows(
        "select p.id as policy_id, p.title as policy_title, c.ordinal, x.section from citations c "
        "join policies p on p.id = c.policy_id join passages x on x.policy_id = p.id and x.ordinal = c.ordinal "
        f"where {condition} and {cited} = ? order by p.title, c.ordinal",
        [*parameters, *more, policy_id],
    )
    links = [Backlink(**row) for row in rows]
    _report(store, actor, {link.policy_id for link in links})
    return links


def _report(store: Store, actor: Actor, ids: set[str]) -> None:
    """Documents that are handed out by their titles alone."""
    if ids and visible(actor).clearance is not Clearance.NONE:
        marks = ", ".join("?" * len(ids))
        rows = store.rows(f"select {_COLUMNS} from policies where id in ({marks})", list(ids))
        seen.report("policies", map(_policy, rows))


def cited_numbers(store: Store, actor: Actor) -> list[dict[str, object]]:
    """Every document number named on the shelf, with how often and a title given for it."""
    condition, parameters = visible(actor).sql("p")
    return store.rows(
        "select c.number, max(c.title) as title, count(*) as times from citations c join policies p "
        f"on p.id = c.policy_id where c.number <> '' and {condition} group by c.number order by c.number",
        parameters,
    )


def passage_id(policy_id: str, ordinal: int) -> str:
    """The id that the index knows a passage by."""
    return f"{policy_id}-{ordinal}"


def fetch(store: Store, ids: Sequence[str], actor: Actor) -> list[Found]:
    """The passages of those ids that ``actor`` may see, in the order given."""
    if not ids:
        return []
    scope = visible(actor)
    condition, parameters = scope.sql("p")

    def read(missing: list[str]) -> dict[str, Found]:
        pairs = [part for id in missing for part in id.rsplit("-", 1)]
        where = f"(x.policy_id, x.ordinal) in (values {', '.join(['(?, ?)'] * len(missing))}) and {condition}"
        found = _select(store, where, [*pairs, *parameters])
        return {passage_id(f.policy.id, f.passage.ordinal): f for f in found}

    found = _memory.recall(store, ids, read)
    allowed = [f for id in ids if (f := found.get(id)) and scope.allows(f.policy.visibility, f.policy.owner)]
    seen.report("policies", (f.policy for f in allowed))
    return allowed


def active(store: Store, edition: str) -> Iterator[Found]:
    """Every passage of an index edition."""
    where = "p.visibility = 'public'" if edition == "open" else "1"
    return _select(store, where, [])


def current(store: Store, policy_ids: Iterable[str]) -> list[Found]:
    """All passages of those documents, for the index; never show these to a person."""
    wanted = list(policy_ids)
    return list(_select(store, f"p.id in ({', '.join('?' * len(wanted))})", wanted))


def _select(store: Store, where: str, parameters: Sequence[str]) -> Iterator[Found]:
    columns = ", ".join(f"p.{c.strip()}" for c in _COLUMNS.split(","))
    rows = store.rows(
        f"select {columns}, x.ordinal, x.path, x.section, x.page, x.kind, x.text from passages x "
        f"join policies p on p.id = x.policy_id where {where} order by p.id, x.ordinal",
        parameters,
    )
    for row in rows:
        yield Found(_policy(row), _passage(row))


def _policy(row: dict[str, object]) -> Policy:
    known = {c.strip(): row[c.strip()] for c in _COLUMNS.split(",")}
    return Policy(**{**known, "visibility": Visibility(row["visibility"])})  # type: ignore[arg-type]


def _passage(row: dict[str, object]) -> Passage:
    return Passage(
        ordinal=int(str(row["ordinal"])),
        path=tuple(json.loads(str(row["path"]))),
        section=str(row["section"]),
        page=None if row["page"] is None else int(str(row["page"])),
        kind=str(row["kind"]),
        text=str(row["text"]),
    )
