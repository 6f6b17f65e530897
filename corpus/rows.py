"""One row of an indicator table -> a record, or everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from corpus.errors import BadInput
from corpus.model import Category, Indicator, Kind, Operator, Status, Use, Visibility, category
from corpus.readers import clean
from corpus.text import normalise

# The contract's field names and the headers that departments use.
HEADERS: Mapping[str, tuple[str, ...]] = {
    "code": ("指标代码", "指标编码", "编码", "代码"),
    "name": ("指标名称", "三级指标", "三级指标名称", "名称"),
    "kind": ("指标性质", "是否共性", "性质"),
    "level1": ("一级指标", "一级指标名称"),
    "level2": ("二级指标", "二级指标名称", "指标类别"),
    "domain": ("领域", "领域大类", "行业大类"),
    "industry": ("行业", "行业类别"),
    "use": ("用途", "资金用途"),
    "theme": ("共性类别", "适用类型"),
    "definition": ("指标解释", "指标说明", "解释"),
    "formula": ("计算公式", "公式"),
    "operator": ("计算符号", "指标符号", "符号"),
    "unit": ("计量单位", "度量单位", "单位"),
    "reference": ("指标值", "绩效标准", "参考值", "目标值"),
    "reference_kind": ("标准类型", "绩效标准类型"),
    "reference_source": ("标准来源", "取值依据"),
    "scoring": ("评分标准", "评分规则", "赋分规则"),
    "evidence": ("佐证资料", "数据来源", "指标值数据来源"),
    "keywords": ("关键词",),
    "owner": ("来源部门", "预算单位", "归口部门", "主管部门"),
    "visibility": ("是否公开", "公开标记", "涉密标记"),
    "restricted_reason": ("不公开原因", "不公开理由"),
}
_FIELDS = {alias: name for name, aliases in HEADERS.items() for alias in (name, *aliases)}
LABELS = {name: aliases[0] for name, aliases in HEADERS.items()}
_OPERATORS = {
    "≥": Operator.AT_LEAST, ">=": Operator.AT_LEAST, "大于等于": Operator.AT_LEAST, "不低于": Operator.AT_LEAST,
    "≤": Operator.AT_MOST, "<=": Operator.AT_MOST, "小于等于": Operator.AT_MOST, "不高于": Operator.AT_MOST,
    "=": Operator.EQUAL, "等于": Operator.EQUAL, ">": Operator.ABOVE, "大于": Operator.ABOVE,
    "<": Operator.BELOW, "小于": Operator.BELOW, "定性": Operator.QUALITATIVE, "": Operator.QUALITATIVE,
}  # fmt: skip
_VISIBILITIES = {
    "公开": Visibility.PUBLIC, "可公开": Visibility.PUBLIC, "是": Visibility.PUBLIC, "public": Visibility.PUBLIC,
    "不公开": Visibility.RESTRICTED, "不可公开": Visibility.RESTRICTED, "否": Visibility.RESTRICTED,
    "涉密": Visibility.RESTRICTED, "涉敏": Visibility.RESTRICTED, "restricted": Visibility.RESTRICTED,
}  # fmt: skip
_KINDS = {"common": Kind.COMMON, "共性": Kind.COMMON, "共性指标": Kind.COMMON, "是": Kind.COMMON,
          "specific": Kind.SPECIFIC, "个性": Kind.SPECIFIC, "个性指标": Kind.SPECIFIC, "否": Kind.SPECIFIC}  # fmt: skip
# 涉密标记 asks the opposite of 是否公开.
_SECRET = {"是": "不公开", "否": "公开", "非涉密": "公开", "不涉密": "公开"}
_LIMITS = {"name": 60, "unit": 30, "reference": 100, "code": 30}
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,6})?")
_KEYWORD_BREAK = re.compile(r"[、,，;；\s]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row cannot be taken as it stands: the row, the column and what to do."""

    place: str
    field: str
    message: str
    label: str = ""

    def __str__(self) -> str:
        return f"{self.place}，{self.label or LABELS.get(self.field, self.field)}：{self.message}"


def named(cells: Mapping[str, str]) -> dict[str, str]:
    """Cells under the contract's field names, whatever header the file used; unknown columns are left out.

    Of several columns for one field the first that is filled in counts; for visibility, one that says restricted.
    """
    found: dict[str, str] = {}
    for title, cell in cells.items():
        header = _header(title)
        if header not in _FIELDS:
            continue
        name = _FIELDS[header]
        value = _SECRET.get(cell.strip(), cell) if header == "涉密标记" else cell
        closed = name == "visibility" and _VISIBILITIES.get(value.strip()) is Visibility.RESTRICTED
        if closed or not found.get(name):
            found[name] = value
    return found


@lru_cache(1024)
def _header(text: str) -> str:
    text = re.sub(r"[\s*＊]|（[^（）]*）|\([^()]*\)", "", text)
    return text if text in _FIELDS else text.lower()


def read_row(cells: Mapping[str, str], place: str) -> tuple[Indicator | None, list[Problem]]:
    """A record without id (its ``use.code`` is empty too), or None and every problem of the row."""
    problems: list[Problem] = []

    def wrong(field: str, message: str) -> None:
        problems.append(Problem(place, field, message))

    def text(field: str) -> str:
        value = " ".join(clean(cells.get(field, "")).split())
        if len(value) > _LIMITS.get(field, 2000):
            wrong(field, f"超过 {_LIMITS.get(field, 2000)} 字，请删减。")
        return value

    name = text("name")
    if not name:
        wrong("name", "没有填写，请填写指标名称。")
    found: Category | None = None
    try:
        found = category(text("level2"))
    except BadInput as error:
        wrong("level2", error.message if cells.get("level2") else "没有填写，请填写二级指标。")
    operator = _OPERATORS.get(normalise(text("operator")).replace(" ", ""))
    if operator is None:
        wrong("operator", f"“{cells['operator'][:10]}”不是计算符号，请改为 ≥、≤、=、>、< 或 定性。")
    unit, reference = text("unit"), text("reference")
    if operator not in (None, Operator.QUALITATIVE):
        if not unit:
            wrong("unit", "定量指标必须有计量单位，请填写；如无法量化，请把计算符号改为“定性”。")
        if reference and not _NUMBER.fullmatch(reference):
            wrong("reference", f"“{reference[:20]}”不是数字，请只填数字，符号和单位填在各自的列里。")
    visibility = _VISIBILITIES.get(text("visibility"))
    if visibility is None:
        wrong("visibility", "请填写“公开”或“不公开”。")
    kind = _KINDS.get(text("kind"), Kind.SPECIFIC if text("use") else Kind.COMMON)
    use: Use | None = None
    if kind is Kind.SPECIFIC:
        use = Use("", text("domain"), text("industry"), text("use"))
        for field, value in (("domain", use.domain), ("industry", use.industry), ("use", use.use)):
            if not value:
                wrong(field, "个性指标必须写明领域、行业和用途，请补充。")
    owner = text("owner")
    if not owner:
        wrong("owner", "没有填写，请填写提供该指标的预算单位。")
    rest = {
        field: text(field)
        for field in ("theme", "definition", "formula", "reference_kind", "reference_source", "scoring", "evidence",
                      "restricted_reason", "code", "keywords")
    }  # fmt: skip
    if problems or found is None or operator is None or visibility is None:
        return None, problems
    keywords = tuple(dict.fromkeys(word for word in _KEYWORD_BREAK.split(rest.pop("keywords")) if word))
    return Indicator(
        id="", name=name, kind=kind, category=found, use=use, operator=operator, unit=unit, reference=reference,
        keywords=keywords, owner=owner, visibility=visibility, status=Status.ACTIVE, origin="", replaced_by="",
        revision=0, updated="", **rest,
    ), []  # fmt: skip
