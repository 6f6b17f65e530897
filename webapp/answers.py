"""The shapes of what the API answers: for its description, and held to the real answers by a test."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Problem(_Answer):
    code: str = Field(description="供程序判断的错误代码")
    message: str = Field(description="一句中文说明")
    field: str = Field("", description="出错的字段；与字段无关时不出现")


class Failure(_Answer):
    error: Problem


class Indicator(_Answer):
    id: str
    code: str = Field(description="指标代码")
    name: str
    kind: str = Field(description="common 共性或 specific 个性")
    level1: str
    level2: str
    domain: str | None = Field(description="领域；共性指标为 null")
    industry: str | None
    use: str | None
    theme: str = Field(description="共性类别")
    definition: str
    formula: str
    operator: str
    unit: str
    reference: str = Field(description="参考指标值，不含符号和单位")
    reference_kind: str
    reference_source: str
    scoring: str
    evidence: str = Field(description="佐证资料或数据来源")
    keywords: list[str]
    owner: str
    visibility: str = Field(description="public 可公开或 restricted 不可公开")
    restricted_reason: str
    status: str
    origin: str
    replaced_by: str
    revision: int
    updated: str = Field(description="UTC 时间")


class Policy(_Answer):
    id: str
    title: str
    number: str = Field(description="文号")
    issuer: str
    year: int | None
    theme: str
    status: str
    basis: str
    source: str
    visibility: str
    owner: str
    revision: int
    updated: str


class _Found(_Answer):
    score: float
    highlight: dict[str, list[tuple[int, int]]] = Field(description="各字段中要标出的位置：[起, 止)，按字符计")
    why: str = Field(description="一句话说明为什么找到它")


class IndicatorHit(Indicator, _Found):
    pass


class Cited(_Answer):
    policy: str
    title: str
    ordinal: int
    path: list[str] = Field(description="所在的各级标题")
    section: str
    page: int | None
    text: str
    citation: str = Field(description="引用写法")


class PassageHit(Cited, _Found):
    pass


class Expert(_Answer):
    id: str
    name: str
    kind: str
    organisation: str
    organisation_kind: str
    title: str
    fields: list[str]
    sample: bool = Field(description="是否为示例人员")
    status: str
    revision: int
    updated: str


class ExpertHit(Expert, _Found):
    pass


class FacetValue(_Answer):
    value: str
    count: int


class _Page(_Answer):
    total: int
    page: int
    size: int
    generation: str = Field(description="索引版本")
    facets: dict[str, list[FacetValue]]
    did_you_mean: str | None = Field(description="可能想找的写法")
    used: str | None = Field(description="没有找到原词时，结果所用的写法")
    relaxed: bool = Field(description="是否放宽为满足部分词语")


class IndicatorPage(_Page):
    items: list[IndicatorHit]


class PolicyPage(_Page):
    items: list[PassageHit] | list[Policy] = Field(description="搜索时为段落，不搜索时为文件")


class ExpertPage(_Page):
    items: list[ExpertHit]


class Completion(_Answer):
    text: str
    kind: str = Field(description="domain、industry、use、indicator 或 word")
    id: str = Field("", description="指标编号；不是指标时不出现")


class Completions(_Answer):
    items: list[Completion]


class UseGuess(_Answer):
    domain: str
    industry: str
    use: str
    confidence: float = Field(description="0 到 1")


class SuggestedItem(_Answer):
    id: str
    code: str
    name: str
    kind: str
    level1: str
    level2: str
    domain: str | None
    industry: str | None
    use: str | None
    theme: str
    definition: str
    operator: str
    unit: str
    reference: str
    reference_kind: str
    visibility: str
    score: float
    why: list[str]
    value: str = Field(description="目标文字中对应的数值；没有时为空")


class CategoryCoverage(_Answer):
    chosen: int
    suggested: int
    required: bool


class SuggestAnswer(_Answer):
    uses: list[UseGuess]
    items: list[SuggestedItem]
    coverage: dict[str, CategoryCoverage] = Field(description="按二级指标")
    missing: list[str] = Field(description="还缺什么，一句一条")
    policies: list[Cited]
    generation: str


class Dimension(_Answer):
    score: float
    max: float


class Finding(_Answer):
    rule: str
    dimension: str
    severity: str
    row: int | None = Field(description="第几行；针对整张表时为 null")
    field: str = Field(description="表中的列")
    message: str
    evidence: str = Field(description="原文")
    source: str = Field(description="依据")
    fix: str = Field("", description="修改建议；没有时不出现")


class Match(_Answer):
    row: int
    id: str
    name: str
    similarity: float


class ReviewAnswer(_Answer):
    score: float
    grade: str
    dimensions: dict[str, Dimension]
    findings: list[Finding]
    matches: list[Match]


class PolicyPassage(_Answer):
    ordinal: int
    path: list[str]
    section: str
    page: int | None
    kind: str
    text: str
    citation: str


class PolicyLink(_Answer):
    ordinal: int
    number: str
    title: str
    cited_id: str | None
    cited_title: str | None


class PolicyBacklink(_Answer):
    policy_id: str
    policy_title: str
    ordinal: int
    section: str


class PolicyDocument(Policy):
    passages: list[PolicyPassage]
    citations: list[PolicyLink] = Field(description="本文件提到的文件")
    cited_by: list[PolicyBacklink] = Field(description="提到本文件的段落")


class UseName(_Answer):
    code: str
    name: str


class IndustryUses(_Answer):
    name: str
    uses: list[UseName]


class DomainIndustries(_Answer):
    name: str
    industries: list[IndustryUses]


class Taxonomy(_Answer):
    domains: list[DomainIndustries]


class AuditedRecord(_Answer):
    kind: str
    id: str
    name: str


class AuditEntry(_Answer):
    serial: int | None = Field(description="序号；授权范围不是“全部”时为 null")
    at: str = Field(description="UTC 时间，到毫秒")
    actor: str = Field(description="人员；命令行未指明时为空")
    action: str
    words: str = Field(description="操作的中文说法")
    kind: str
    target: str
    records: list[AuditedRecord] = Field(description="涉及的、本人可查看的记录，最多列 50 条")
    count: int = Field(description="涉及的、本人可查看的记录共有多少条")
    detail: str
    chain: str | None = Field(description="链值；授权范围不是“全部”时为 null")


class AuditPage(_Answer):
    total: int
    page: int
    size: int
    items: list[AuditEntry]


class Health(_Answer):
    ok: bool
