"""The field's things as frozen data. Imports nothing of ours but the errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from corpus.errors import BadInput


class Kind(StrEnum):
    """共性 (any unit may use it) or 个性 (belongs to one use of money)."""

    COMMON = "common"
    SPECIFIC = "specific"


class Visibility(StrEnum):
    """可公开 or 涉密涉敏不可公开."""

    PUBLIC = "public"
    RESTRICTED = "restricted"


class Status(StrEnum):
    """Where a record stands in curation; only ``active`` ones are offered."""

    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"


class Operator(StrEnum):
    """计算符号."""

    AT_LEAST = "≥"
    AT_MOST = "≤"
    EQUAL = "="
    ABOVE = ">"
    BELOW = "<"
    QUALITATIVE = "定性"


@dataclass(frozen=True, slots=True)
class Category:
    """A level-2 category and the level-1 one above it (财预〔2021〕101号)."""

    code: str
    level1: str
    level2: str
    short: str

    @property
    def group(self) -> str:
        """The heading of the drafting page that it belongs under."""
        return self.short if self.level1 == "产出指标" else self.level1.removesuffix("指标")


CATEGORIES: tuple[Category, ...] = (
    Category("21", "产出指标", "数量指标", "数量"),
    Category("22", "产出指标", "质量指标", "质量"),
    Category("23", "产出指标", "时效指标", "时效"),
    Category("11", "成本指标", "经济成本指标", "经济成本"),
    Category("12", "成本指标", "社会成本指标", "社会成本"),
    Category("13", "成本指标", "生态环境成本指标", "生态环境成本"),
    Category("31", "效益指标", "经济效益指标", "经济效益"),
    Category("32", "效益指标", "社会效益指标", "社会效益"),
    Category("33", "效益指标", "生态效益指标", "生态效益"),
    Category("34", "效益指标", "可持续影响指标", "可持续影响"),
    Category("41", "满意度指标", "服务对象满意度指标", "满意度"),
)
_BY_NAME = {name: c for c in CATEGORIES for name in (c.level2, c.short, c.code)}
# 成本 stood under 产出 in the older forms; 满意度 and 可持续影响 have several spellings in use.
_BY_NAME |= {
    alias: _BY_NAME[short]
    for short, aliases in {
        "经济成本": ("成本", "成本指标"),
        "生态环境成本": ("生态成本", "生态成本指标", "环境成本", "环境成本指标"),
        "可持续影响": ("可持续", "可持续发展", "可持续发展指标", "可持续影响力", "可持续影响力指标"),
        "生态效益": ("环境效益", "环境效益指标", "生态环境效益", "生态环境效益指标"),
        "满意度": ("满意度指标", "服务对象满意度", "服务满意度", "社会公众满意度", "社会公众满意度指标",
                 "受益对象满意度", "受益对象满意度指标", "服务对象满意度情况"),
    }.items()
    for alias in aliases
}  # fmt: skip


def category(level2: str, *, field: str = "level2") -> Category:
    """Find a category by any of its names in use.

    Raises BadInput, naming ``field``, when it is none of them.
    """
    found = _BY_NAME.get(level2.strip().replace(" ", ""))
    if found is None:
        choices = "、".join(c.level2 for c in CATEGORIES)
        raise BadInput(f"二级指标“{level2[:20]}”不在分类内，请改为：{choices}。", field=field)
    return found


@dataclass(frozen=True, slots=True)
class Use:
    """A 用途 and the industry and domain above it."""

    code: str
    domain: str
    industry: str
    use: str

    @property
    def domain_code(self) -> str:
        return self.code[:3]

    @property
    def industry_code(self) -> str:
        return self.code[:5]


@dataclass(frozen=True, slots=True)
class Owner:
    """A 预算单位 that supplies indicators: ``kind`` is 州级, 中央垂管 or 省级直管."""

    name: str
    kind: str
    domain: str


@dataclass(frozen=True, slots=True)
class Indicator:
    """One entry of the library.

    ``reference`` is a target value without operator or unit; ``reference_kind`` says whether it comes from a
    plan, from history, from an industry standard or is an example; ``theme`` groups the common indicators.
    """

    id: str
    code: str
    name: str
    kind: Kind
    category: Category
    use: Use | None
    theme: str
    definition: str
    formula: str
    operator: Operator
    unit: str
    reference: str
    reference_kind: str
    reference_source: str
    scoring: str
    evidence: str
    keywords: tuple[str, ...]
    owner: str
    visibility: Visibility
    restricted_reason: str
    status: Status
    origin: str
    replaced_by: str
    revision: int
    updated: str

    def as_json(self) -> dict[str, object]:
        """The contract's Indicator; ``domain``, ``industry``, ``use`` are null for a common one."""
        return {**_told(self), "keywords": list(self.keywords)}

    @property
    def target(self) -> str:
        """The reference value as it is written in a form, such as ``≥95%``."""
        operator = "" if self.operator is Operator.QUALITATIVE else self.operator.value
        return f"{operator}{self.reference}{self.unit}"


# What fields of an Indicator in JSON are read from that are not named as its own. An Enum's ``value`` is a property
# written in Python, and an answer has many records.
_FROM = {
    "kind": "kind._value_", "level1": "category.level1", "level2": "category.level2", "domain": "use.domain",
    "industry": "use.industry", "use": "use.use", "operator": "operator._value_", "visibility": "visibility._value_",
    "status": "status._value_",
}  # fmt: skip


def teller(fields: Sequence[str]) -> Callable[[Indicator], dict[str, object]]:
    """What gives some fields of a record for JSON, in their order; those of its use are None for a common one."""
    of_use = [_FROM.get(field, field) for field in fields]
    common = ["use" if path.startswith("use.") else path for path in of_use]
    read, read_common = attrgetter(*of_use), attrgetter(*common)
    return lambda i: dict(zip(fields, read(i) if i.use else read_common(i), strict=True))


_told = teller((
    "id", "code", "name", "kind", "level1", "level2", "domain", "industry", "use", "theme", "definition", "formula",
    "operator", "unit", "reference", "reference_kind", "reference_source", "scoring", "evidence", "keywords", "owner",
    "visibility", "restricted_reason", "status", "origin", "replaced_by", "revision", "updated",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Passage:
    """A numbered piece of a policy: a paragraph or a table under its headings.

    ``path`` holds the headings above it, outermost first, as printed (``七、抓智库建设……``);
    ``section`` is their numbers alone (``七（一）``), for citing; ``page`` is None where the file has no pages.
    """

    ordinal: int
    path: tuple[str, ...]
    section: str
    page: int | None
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A document named in a passage, by number (文号), by title, or by both; either may be empty."""

    ordinal: int
    number: str
    title: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document or report and where it stands in the library."""

    id: str
    title: str
    number: str
    issuer: str
    year: int | None
    theme: str
    status: str
    basis: str
    source: str
    visibility: Visibility
    owner: str
    revision: int
    updated: str

    def as_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "title": self.title,
            "number": self.number,
            "issuer": self.issuer,
            "year": self.year,
            "theme": self.theme,
            "status": self.status,
            "basis": self.basis,
            "source": self.source,
            "visibility": self.visibility.value,
            "owner": self.owner,
            "revision": self.revision,
            "updated": self.updated,
        }


@dataclass(frozen=True, slots=True)
class Expert:
    """A member of the expert pool: ``kind`` is 绩效领域 or 行业领域; ``sample`` marks a made-up person."""

    id: str
    name: str
    kind: str
    organisation: str
    organisation_kind: str
    title: str
    fields: tuple[str, ...]
    sample: bool
    status: Status
    revision: int
    updated: str

    def as_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "organisation": self.organisation,
            "organisation_kind": self.organisation_kind,
            "title": self.title,
            "fields": list(self.fields),
            "sample": self.sample,
            "status": self.status.value,
            "revision": self.revision,
            "updated": self.updated,
        }


@dataclass(frozen=True, slots=True)
class GoalRow:
    """One row of a goal table as a department wrote it; nothing about it is checked yet."""

    level1: str
    level2: str
    name: str
    operator: str
    value: str
    unit: str
    weight: str = ""
    definition: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """A project's performance goal: the words and the table. ``budget`` is in 万元."""

    project: str
    goal: str
    budget: float | None = None
    rows: tuple[GoalRow, ...] = ()
