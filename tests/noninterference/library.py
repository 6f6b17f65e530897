"""Random libraries with tempting restricted records in them, and what is left of one for a person.

Words that stand in restricted records alone are names of beasts; each stands in few of them. Beside those, restricted
records take the very names of public ones, bring units, owners, uses and domains of their own, are what a public
record was replaced by, and are all that a synonym leads to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from random import Random

from corpus import experts, indicators, people, policies, words
from corpus.access import Actor, Role, visible
from corpus.indicators import indicator_id
from corpus.model import (
    Citation,
    Expert,
    Indicator,
    Kind,
    Operator,
    Owner,
    Passage,
    Policy,
    Status,
    Use,
    Visibility,
    category,
)
from corpus.policies import Parsed
from corpus.store import Store
from corpus.words import Synonym, SynonymType
from indexer import build

from .personas import FARMS, FINANCE, POLICE, ROADS, USERS

PASSWORD = "an umbrella for 40 days"  # noqa: S105
BEASTS = ("玄武", "朱雀", "麒麟", "貔貅", "饕餮", "狻猊", "螭吻", "狴犴", "睚眦", "嘲风", "蒲牢", "囚牛")
WORDS = ("农村公路", "养护", "里程", "合格率", "满意度", "桥梁", "巡查", "次数", "沿线群众", "培训", "路面", "验收")
CODES = {"数量指标": "21", "质量指标": "22", "时效指标": "23", "社会效益指标": "32", "经济成本指标": "11",
         "服务对象满意度指标": "41"}  # fmt: skip
OPEN_USES = (
    Use("2140101", "交通运输", "公路水路运输", "农村公路养护"),
    Use("2140102", "交通运输", "公路水路运输", "国省干线建设"),
    Use("2130101", "农林水", "农业农村", "高标准农田建设"),
    Use("2040201", "公共安全", "公安", "治安防控"),
)
SEALED_USES = (
    Use("2040251", "公共安全", "公安", "饕餮专案"),
    Use("9510101", "狴犴领域", "狴犴行业", "要地警卫"),
)
# A use that restricted records bring first, and a public one may take up later.
LATE_USE = Use("2120101", "城乡社区", "市政", "蒲牢路灯改造")
OWNERS = (ROADS, POLICE, FARMS, FINANCE, "睚眦办公室")
SYNONYMS = (
    Synonym("农村公路", "乡下的路", SynonymType.COLLOQUIAL),
    Synonym("满意度", "好评", SynonymType.SAME),
    Synonym("玄武", "暗号甲", SynonymType.SAME),
    Synonym("朱雀", "暗号乙", SynonymType.ABBREVIATION),
)
LEXICON = ("农村公路", "合格率", "玄武", "貔貅")
EXPERTS = (
    Expert("e1", "张示例", "绩效领域", "示例大学", "高校", "教授", ("教育绩效", "财政"), True, Status.ACTIVE, 0, ""),
    Expert("e2", "李示例", "行业领域", "示例设计院", "企业", "高级工程师", ("公路工程",), True, Status.ACTIVE, 0, ""),
)


@dataclass(frozen=True)
class Library:
    """Everything that a library is made of."""

    records: tuple[Indicator, ...]
    documents: tuple[Parsed, ...]

    @property
    def sealed(self) -> tuple[Indicator, ...]:
        """The restricted records."""
        return tuple(i for i in self.records if i.visibility is Visibility.RESTRICTED)


def sees(actor: Actor, i: Indicator) -> bool:
    """Whether the actor may see the record, said again here: not by the product's own statement."""
    if i.visibility is Visibility.RESTRICTED and not visible(actor).allows(i.visibility, i.owner):
        return False
    return i.status is not Status.DRAFT or actor.role is Role.ADMIN or (actor.signed_in and actor.unit == i.owner)


def without(library: Library, actor: Actor) -> Library:
    """The same library without everything that the actor may not see; nothing names what is not there."""
    kept = [i for i in library.records if sees(actor, i)]
    known = {i.id for i in kept}
    records = tuple(replace(i, replaced_by=i.replaced_by if i.replaced_by in known else "") for i in kept)
    documents = tuple(d for d in library.documents if visible(actor).allows(d.policy.visibility, d.policy.owner))
    return Library(records, documents)


def made(random: Random, count: int) -> Library:
    """A library of about ``count`` records, two fifths of them restricted."""
    records: list[Indicator] = []
    meanings: set[tuple[object, ...]] = set()
    while len(records) < count:
        i = record(random, len(records), records)
        meaning = (i.name, i.category, i.use, i.visibility)
        if meaning not in meanings:
            meanings.add(meaning)
            records.append(i)
    for n in random.sample(range(1, count), count // 10):
        records[n] = replace(records[n], status=Status.DRAFT)
    for n in random.sample(range(1, count), count // 6):
        target = random.choice([i for i in records if i.id != records[n].id])
        records[n] = replace(records[n], status=Status.RETIRED, replaced_by=random.choice((target.id, target.id, "")))
    # What chance may leave out: uses of restricted records alone, and a public record that a restricted one replaced.
    sealed = [n for n, i in enumerate(records) if n and i.visibility is Visibility.RESTRICTED]
    for n, use in zip(sealed, (*SEALED_USES, LATE_USE), strict=False):
        records[n] = replace(records[n], use=use, kind=Kind.SPECIFIC, theme="", status=Status.ACTIVE, replaced_by="")
    public = next(n for n, i in enumerate(records) if n and i.visibility is Visibility.PUBLIC)
    records[public] = replace(records[public], status=Status.RETIRED, replaced_by=records[sealed[0]].id)
    return Library(tuple(records), tuple(_documents(random)))


def record(random: Random, number: int, before: Iterable[Indicator] = (), *, sealed: bool | None = None) -> Indicator:
    """A record of its own; the first of a library is public and of the first use."""
    sealed = (number > 0 and random.random() < 0.4) if sealed is None else sealed
    owner = random.choice(OWNERS[:4]) if not sealed else random.choice((ROADS, ROADS, POLICE, POLICE, OWNERS[4]))
    beast = random.choice(BEASTS[:4] if owner == ROADS else BEASTS[4:]) if sealed else ""
    name = "".join(random.sample(WORDS, random.randint(2, 3))) + (beast if random.random() < 0.5 else "")
    level2 = random.choice(list(CODES))
    use: Use | None = random.choice(OPEN_USES) if number else OPEN_USES[0]
    theme = ""
    if random.random() < 0.15 and number:
        use, theme = None, random.choice(("培训", "通用", "囚牛主题" if sealed else "通用"))
    elif sealed and random.random() < 0.3:
        use = random.choice((*SEALED_USES, LATE_USE))
    public = [i for i in before if i.visibility is Visibility.PUBLIC]
    if sealed and public and random.random() < 0.25:  # the very name of a public record
        like = random.choice(public)
        name, level2, use, theme = like.name, like.category.level2, like.use, like.theme
    code = f"{CODES[level2]}{(90_000 if sealed else 0) + number:05d}"
    units = ("趟", "架次", f"{beast}件") if sealed else ("公里", "%", "次", "人")
    return Indicator(
        id=indicator_id(code), code=code, name=name, kind=Kind.SPECIFIC if use else Kind.COMMON,
        category=category(level2), use=use, theme=theme,
        definition="、".join(random.choices([*WORDS, *([beast] * 3 if sealed else [])], k=5)),
        formula="", operator=random.choice((Operator.AT_LEAST, Operator.EQUAL)), unit=random.choice(units),
        reference=str(random.randint(1, 100)), reference_kind="", reference_source="", scoring="",
        evidence=f"{beast}台账" if sealed else "台账", keywords=(random.choice((beast or "管养", *WORDS)),),
        owner=owner, visibility=Visibility.RESTRICTED if sealed else Visibility.PUBLIC,
        restricted_reason="涉密" if sealed else "", status=Status.ACTIVE, origin="测试", replaced_by="", revision=1,
        updated=f"2026-0{1 + number % 9}-11T08:00:00Z",
    )  # fmt: skip


def _documents(random: Random) -> list[Parsed]:
    """Public policies, and restricted ones that cite them and that they cite; one takes a public one's number."""
    found = []
    for n in range(6):
        sealed = n >= 3
        owner = random.choice((ROADS, POLICE)) if sealed else ""
        beast = random.choice(BEASTS) if sealed else ""
        title = f"{random.choice(WORDS)}{beast}管理办法{n if random.random() < 0.7 else ''}"
        number = f"楚政发〔2024〕{random.randint(1, 4)}号"
        id = f"p{n:010d}"
        texts = ["".join(random.choices(WORDS, k=6)) + beast + "。" for _ in range(random.randint(1, 3))]
        passages = tuple(Passage(k, ("一、总则",), "一", None, "text", text) for k, text in enumerate(texts, 1))
        cites = (Citation(1, f"楚政发〔2024〕{random.randint(1, 4)}号", f"{random.choice(WORDS)}管理办法"),)
        seen = Visibility.RESTRICTED if sealed else Visibility.PUBLIC
        policy = Policy(id, title, number, f"{beast}楚雄州", 2020 + n, "交通", "有效性未核", "原文导入", f"{id}.docx",
                        seen, owner, 0, "")  # fmt: skip
        found.append(Parsed(policy, blake2b(id.encode(), digest_size=8).hexdigest(), passages, cites))
    return found


# A library on disk


def taxonomy(records: Iterable[Indicator]) -> tuple[list[Use], list[Owner]]:
    """The uses and owners that records bring along, in the order in which they do."""
    held = list(records)
    uses = {i.use.code: i.use for i in held if i.use}
    return list(uses.values()), [Owner(name, "州级", "") for name in dict.fromkeys(i.owner for i in held)]


def write(store: Store, records: Iterable[Indicator]) -> None:
    """Put records as they are, with their own revision and time, as one change."""
    held = list(records)
    with store.writing() as db:
        indicators.add_taxonomy(store, *taxonomy(held))
        indicators.put(store, held, actor="admin-all", action="import", detail="、".join(i.name for i in held))
        db.conn.executemany(
            "update indicators set revision = ?, updated = ? where id = ?",
            [(i.revision, i.updated, i.id) for i in held],
        )


def remove(store: Store, i: Indicator) -> None:
    """Retire a record and leave nothing of it but the line in the feed, as one change."""
    with store.writing() as db:
        indicators.put(store, [replace(i, status=Status.RETIRED)], actor="admin-all", action="retire", detail="")
        db.conn.execute("delete from indicators where id = ?", [i.id])
        db.conn.execute("delete from revisions where kind = 'indicators' and record_id = ?", [i.id])
        db.conn.execute("update indicators set replaced_by = '' where replaced_by = ?", [i.id])


def create(folder: Path, library: Library) -> Store:
    """A data folder with this library, its accounts and its index."""
    store = Store.create(folder)
    write(store, library.records)
    words.put(store, SYNONYMS, LEXICON)
    policies.put(store, library.documents, actor="admin-all")
    experts.put(store, EXPERTS, actor="admin-all", detail="")
    for user in USERS.values():
        people.add(store, user, password=PASSWORD if user.name == "roads" else None, by="", must_change=False)
    build.build(store)
    return store
