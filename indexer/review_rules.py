"""The review rules for one row of a goal table. Each yields remarks.

What a rule is called, how severe it is and where it comes from stands in ``corpus/reference/rules.tsv``; here is how it
is checked. The words below were weighed against real tables and against the shipped library, whose entries must pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from corpus.model import CATEGORIES
from corpus.quantity import UNITS, Deadline, Qualitative, Quantity, find, parse
from corpus.text import fold, normalise
from indexer.review_read import RATE, SYMBOLS, Line, Remark, Severity, clip, level1_of, measures, plain_number

# What a name counts by its last word, and the dimensions that its unit may have.
_TAILS: dict[str, tuple[str, ...]] = {
    "人数": ("人数", "人次"), "人口数": ("人数",), "人次": ("人次", "人数"), "户数": ("户数",), "面积": ("面积",),
    "里程": ("长度",), "长度": ("长度",), "金额": ("金额",), "天数": ("时间",), "场次": ("人次", "数量"),
    "次数": ("人次", "数量"), "数量": ("数量", "人数", "人次", "户数", "重量", "体积", "面积", "长度", "能量", "功率"),
    "个数": ("数量",), "台数": ("数量",), "套数": ("数量",), "期数": ("数量",), "份数": ("数量",),
}  # fmt: skip
_UNITS_OF = {"人数": "人", "人口数": "人", "户数": "户", "人次": "人次", "面积": "平方米或亩", "里程": "公里",
             "天数": "天", "次数": "次"}  # fmt: skip
# 率 that is no share: 频率 is 次, 功率 is 千瓦, 汇率 and the like have units of their own; 频率 may be 天.
_NO_SHARE = re.compile("(?:频|功|速|效|汇|斜|分辨|辨|容积|比|倍|周转|心|曲|产|单产|流失量)率$")
_SHARE_WORDS = re.compile(
    "率|度|比|占|增|降|减|提高|提升|下降|降低|减少|进度|幅|覆盖|达标|合格|完成|份额|系数|指数|百分|含量|浓度|成数|执行|水平|性$"
)
_VAGUE = re.compile(
    "明显|显著|有效|持续|较好|良好|很好|到位|优良|完善|充分|不断|进一步|巩固|保障|确保|大幅|逐步|稳步|基本达到|较高|可持续"
)
_GRADED = re.compile("[0-9]|以上|及格|合格|达标|级|档|优秀?[、/]")
_FACTS = re.compile("每|按[年季月周日学半]|逐|全年|[零一二两三四五六七八九十]+[次个项份家人年月日天]")
_ADVERSE = (
    "逾期|超期|投诉|上访|信访|事故|故障|差错|误差|失误|违规|违法|违纪|伤亡|死亡|发病|流失|返工|漏报|误报|损耗|漏损|缺陷|不合格|退货|"
    "空置|闲置|拖欠|火灾|辍学|复发|感染|超标|泄密|泄露|舞弊|晚点|延误|拒付|坏账|不良|挤占|挪用|截留"
)
# Fixed windows, so that a long name costs no more than a short one.
_AGAINST = re.compile(
    f"(?<![不未无零非])(?:{_ADVERSE})(?:发生|检出|发放|支付|拨付|完成|提交|归还|还款|上报|贷款|项目|事件|事项|案件)?"
    "(?:次数|起数|件数|宗数|例数|人数|天数|笔数|时间|时长|率|数量|数|比例|占比)?$"
)
_ACTED = re.compile(
    "处理|处置|办理|办结|受理|查处|调查|侦破|破获|排查|排除|发现|报告|应急|救援|救治|治疗|演练|防范|预防|防控|控制|减少|降低|下降|"
    "压降|化解|清收|清理|收回|整改|销号|监测|抢修|修复|扑救|扑灭|保险|赔付|鉴定|评估|追责|盘活|利用|回访|响应|调处|答复|纠正|避免"
)
_FOR = re.compile(
    "(?:完成|合格|达标|覆盖|及时|准时|按时|按期|准确|满意|知晓|优良|到位|落实|就业|成活|保障|发放|开工|完工|竣工|参与|普及|入学|办结|整改)"
    "(?:率|度|比例|程度)$"
)
_NEGATED = re.compile("不|未|非|无|缺|漏|超|逾|误|空|低于")
_MAKES = re.compile(
    "新建|改建|扩建|改造|建设|培训|购置|采购|发放|补助|补贴|救助|资助|开展|举办|组织|种植|新增|完成|受益|宣传|服务"
)
_LESS = re.compile("参会|会议|死亡|控制|压减|减少|编制|超|限|用量|消耗|能耗|三公|公务|不")
_UNCAPPED = re.compile(
    "增|升|提高|降|减|周转|倍|负荷|收益|回报|利润|产销|超额|变动|偏差|床|流动比|速动|投入产出|杠杆|密度|湿度|温度"
)
_SLOGAN = re.compile(
    "(?:切实|全面|有效|不断|持续|进一步|积极)*(?:确保|保障|提升|提高|促进|推动|推进|加强|增强|改善|满足|维护|实现|方便|减轻|弥补|打造|"
    "优化|助力|稳定|巩固|形成|保持|切实|不断|进一步)"
)
_MEASURED = re.compile(
    "[数率度量额比例积值分种次]$|情况$|水平$|人次$|天数$|时间$|里程$|机制$|制度$|体系$|占比$|人口$|面积$|标准$|金额$"
)
_MONEY_NAME = re.compile("成本|费用|经费|投资|造价|价款|控制数|单价|均价")
_TIMELY = re.compile("(?<!实)及时|按时|准时|按期|(?:完成|完工|竣工|办理|办结|交付|发放)(?:时间|时限|期限)$|工期")
_GREEN = re.compile(
    "生态|环境|环保|污|排放|减排|节能|节水|能耗|碳|绿|林|草|树|植被|植物|水|空气|大气|噪|尘|废|垃圾|农药|药剂|化肥|肥料|施肥|秸秆|"
    "土|耕地|灌溉|湿地|河|湖|海|流域|物种|生物|动物|野生|森|虫|沙|矿|资源|能源|清洁|光伏|用电|电量|燃|恶臭|异味|卫生|景观|鱼|渔|"
    "臭氧|种群|用纸|纸账|无纸|纸质|梯田|天敌|粪|畜|餐余|节约|浪费|养殖|种植|药材|农机|机具|新能源|循环|回收|复垦|复绿|边坡|保洁|乱倒|鼠|蚊|蝇|电磁|辐射|低碳|气象|地质|灾"
)
_INPUT = re.compile("(?:预算|资金|经费)(?:执行|到位|到账|拨付到位|支出)(?:及时)?(?:率|进度)$|人员经费(?:数量|保障)?")
_WORK = re.compile(
    "(?:培训|宣传|会议|检查|巡查|督查|活动|演出|讲座|印发|开展|举办|组织|调研|巡逻)(?:[^率限]{0,6})(?:次数|场次|场数|期数|人次|天数|份数)$|"
    "(?:发放|拨付|支付|采购|招标)(?:完成|及时)?率$|(?:采购|购置|发放)(?:数量|台数|份数)$|(?:建设|硬化|改造|养护|新建)里程$"
)
# A grant under its amount is what was paid in; the other amounts are won, saved or given back.
_PAID = re.compile(
    "(?:补贴|补助|资助|救助|奖补|奖励|津贴|奖金|助学金|低保金|供养金|慰问金|贴息|抚恤金|待遇|(?<![工融])资金|款项)"
    "(?:发放|拨付|支付|兑付|兑现|下达|投入|支出|安排|使用){0,2}(?:总?金额|总额|数额|总量|额度?)$"
)
_WON = re.compile(
    "到位|外资|社会|撬动|带动|引进|吸引|融资|盘活|收回|追回|追缴|退还|退回|清退|节约|节省|压减|调减|减少|减免|拦截|挽回|促成|增|违规|募|捐"
)
# What the project spends itself, and what others bear for it: only the latter is a cost to society or to nature.
_SPENT = re.compile("成本|费用|经费|投资|造价|价款|单价|均价|支出|投入|购置|采购|处置|补助|补贴|资金|[^收]费$")
_BORNE = re.compile(
    "额外|负担|自付|自筹|自缴|自费|筹资|垫付|损失|损害|赔偿|误工|家长|群众|居民|农户|村民|牧民|企业|商户|经营|患者|病人|学生|住户|租户|"
    "家庭|当事人|劳动者|司机|乘客|旅客|被审|社会成本|环境成本|生态成本"
)
_OUTLAY = re.compile(
    "(?:项目|工程|建设|运行|运维|采购|购置|维修|养护|维护|管护|预算|办公|印刷|人员)(?:总|单位|单项)?"
    "(?:成本|费用|经费|投资|造价|费支出|支出|费)$"
)
# 和, 与 and 及 where they join, and not where they are part of a word.
_JOIN = (
    "以及|(?<![参赠给授])与(?![会否时])|(?<![饱缓中总之调温])和(?![谐解平美睦])|(?<![普涉惠触波危可企])及(?![时格以])"
)
_JOINED = re.compile(_JOIN)
_PIECES = re.compile(f"[、,;/]|{_JOIN}")
_COUNT = (
    "(?:人数|户数|次数|场次|人次|户次|面积|里程|长度|金额|数量|个数|台数|套数|件数|处数|座数|家数|天数|条数|产量|产值)"
)
_SHARE = "(?:(?<![效功频汇税费利概])率|满意度|知晓度|认可度)"
_WHOLE = re.compile(f"(?:(?P<count>{_COUNT})|{_SHARE})$")
# One measure of two things: how they compare, or whether the one agrees with the other.
_RELATED = re.compile(
    "比$|比[例值率重]|之[比差和]|差[额率异]?$|偏差|一致|吻合|相符|符合|匹配|挂钩|衔接|对账|对比|相关|协调|同步|平衡|核对"
)
_TALLY = re.compile(f"(?:{_COUNT}|[人户次项个台套件处座家张册份条批种所株头辆起例]数|册次|课次|总数|总量)$")
_VERB = (
    "新建|改建|扩建|新增|改善|新修|整修|维修|改造|修缮|修复|养护|维护|管护|接待|处理|处置|受理|办理|办结|审查|审核|悬挂|更新|检查|检测|"
    "核查|采集|收集|收购|培训|宣传|购置|安装|管理|发放|建设|清理|整治|监测|评估|开发|运行|编制|印制|制作|普查|指导|加固|防治|控制"
)
_ONE_OBJECT = re.compile(
    f"(?:{_VERB})(?:{_JOIN})(?:{_VERB})|脱贫户?.监测|留守.困境|违法.不良|预防.控制|生命.健康|建档立卡|安全.质量|质量.安全|科学.技术"
)
_PURE = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_NO_UNIT = re.compile("(?:指数|系数|比|比值|倍数|比率|等级|评分|得分)$")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


def required(line: Line) -> Iterator[Remark]:
    """C01: what every row must have."""
    labels = {"level1": "一级指标", "level2": "二级指标", "name": "指标名称"}
    for field, text in labels.items():
        if not getattr(line.row, field).strip():
            fix = line.category.level1 if field == "level1" and line.category else None
            yield line.remark(
                "C01", field, f"{line.label}没有填{text}，请补填。", evidence=line.evidence or "（空）", fix=fix
            )
    if line.row.level2.strip() and line.category is None:
        choices = [c.level2 for c in CATEGORIES if c.level1.startswith(line.level1)] if line.level1 else []
        yield line.remark(
            "C01", "level2", f"{line.label}的二级指标不在规定的分类内，请从分类中重新选择。",
            evidence=clip(line.row.level2, 60), fix="或".join(choices) or None,
        )  # fmt: skip
    if not line.operator and line.value and not (line.quantity and not line.value[0].isdigit()):
        fix = "定性" if isinstance(line.target, Qualitative | Deadline) else None
        yield line.remark("C01", "operator", f"{line.label}没有填计算符号，请选择 ≥、≤、=、>、< 或定性。", fix=fix)
    if line.operator == "定性" and not line.value:
        yield line.remark("C01", "value", f"{line.label}是定性指标，但没有写目标描述，请写明要达到的程度。")


def missing_value(line: Line) -> Iterator[Remark]:
    """C06: a quantitative row without a value."""
    if not line.value and line.operator in ("", *SYMBOLS) and (line.name or line.unit):
        empty = "计算符号和指标值都" if not line.operator else "指标值"
        yield line.remark("C06", "value", f"{line.label}的{empty}没有填，请按年度计划填写可以考核的数值。")


def missing_unit(line: Line) -> Iterator[Remark]:
    """C07: a number without a unit."""
    q = line.quantity
    if not q or q.unit or line.operator in ("其他", "?") or (line.unit and line.unit not in "/-—无"):
        return
    if not _NO_UNIT.search(line.name) and not (line.unit and RATE.search(line.name) is None):
        endings = {
            "率": "%",
            "满意度": "%",
            "比例": "%",
            "占比": "%",
            "人数": "人",
            "户数": "户",
            "次数": "次",
            "人次": "人次",
            "天数": "天",
        }
        fix = next((unit for end, unit in endings.items() if line.name.endswith(end)), None)
        yield line.remark("C07", "unit", f"{line.label}的指标值没有计量单位，请补填单位。", fix=fix)


def unit_fits(line: Line) -> Iterator[Remark]:
    """C08: the unit against what the name counts. Units that are not in the table of units pass."""
    q = line.quantity
    if not q or q.unit not in UNITS:
        return
    if line.name.endswith("率"):
        if not measures(q.unit, "比率", "分数") and not _NO_SHARE.search(line.name):
            yield line.remark(
                "C08", "unit", f"{line.label}是比率，单位“{clip(line.row.unit or q.unit, 10)}”不符，请改用 %。", fix="%"
            )
        return
    end = next((end for end in sorted(_TAILS, key=len, reverse=True) if line.name.endswith(end)), "")
    if (
        end
        and not measures(q.unit, *_TAILS[end])
        and not (end == "户数" and q.unit == "家")
        and not (end in ("数量", "次数", "金额") and not measures(q.unit, "比率", "金额", "时间"))
    ):
        unit = clip(line.row.unit or q.unit, 10)
        message = f"{line.label}计的是{end}，单位“{unit}”不符，请改单位或改名称。"
        yield line.remark("C08", "unit", message, fix=_UNITS_OF.get(end))
    elif line.percent and not end and not _SHARE_WORDS.search(line.name) and line.level1 != "满意度":
        yield line.remark("C08", "name", f"{line.label}的单位是 %，名称却不是比率，请写明是什么的比率或换成实物单位。",
                          fix=f"{clip(line.name, 20)}的比率")  # fmt: skip


def is_vague(line: Line) -> bool:
    """C09: a short wording that nobody can measure, without an explanation; or the name said again."""
    if (
        line.operator not in ("定性", "")
        or line.definition
        or not isinstance(line.target, Qualitative)
        or not line.value
    ):
        return False
    if len(line.value) > 15 or _GRADED.search(line.value) or _FACTS.search(line.value):
        return False
    echo = len(line.value) > 1 and fold(line.value) in fold(line.name)
    return bool(_VAGUE.search(line.value)) or echo


def vague(line: Line) -> Iterator[Remark]:
    """C09, for one row."""
    if is_vague(line) and line.level2 != "时效":
        said = clip(line.row.value, 15)
        message = f"{line.label}的目标“{said}”无法衡量，请改为可以计数的指标，或写明分档标准。"
        yield line.remark("C09", "value", message, evidence=clip(line.row.value, 60))


def direction(line: Line) -> Iterator[Remark]:
    """C10: the operator against the direction of the indicator."""
    q, name = line.quantity, line.name
    if not q:
        return
    upward = line.symbol in ("≥", ">")
    adverse = _AGAINST.search(name) and not _ACTED.search(name)
    if adverse and ((upward and q.value > 0) or (line.symbol == "=" and line.percent and q.value > 50)):
        yield line.remark(
            "C10", "operator", f"{line.label}越低越好，计算符号方向反了，请改为“≤”并填写可以容许的上限。", fix="≤"
        )
    elif (
        line.level1 == "成本" and upward and measures(q.unit.partition("/")[0], "金额")
        and not re.search("标准|补助|补贴|定额|工资|收入|节约|降低|结余|下降", name)
    ):  # fmt: skip
        yield line.remark("C10", "operator", f"{line.label}是成本，应当设上限，请把“{line.symbol}”改为“≤”。", fix="≤")
    elif line.symbol in ("≤", "<") and not _NEGATED.search(name) and line.level1 != "成本":
        positive = line.percent and _FOR.search(name) and q.value > 0 and not adverse
        produced = line.level2 == "数量" and _MAKES.search(name) and not _LESS.search(name) and not adverse
        if positive or (produced and any(name.endswith(end) for end in _TAILS)):
            yield line.remark("C10", "operator", f"{line.label}越高越好，计算符号方向反了，请改为“≥”。", fix="≥")


def bounds(line: Line) -> Iterator[Remark]:
    """C11: a share cannot pass 100%."""
    q = line.quantity
    if not q or not line.percent or not RATE.search(line.name) or _UNCAPPED.search(line.name):
        return
    if _AGAINST.search(line.name) and q.value == 100:  # C10 speaks of it
        return
    if q.value > 100 or (q.value == 100 and line.symbol == ">"):
        yield line.remark("C11", "value", f"{line.label}最多是100%，目标值“{line.shown}”达不到，请改为“=100%”或更低。",
                          fix="= 100", severity=Severity.RETURN)  # fmt: skip
    elif q.value == 100 and line.symbol == "≥":
        yield line.remark("C11", "operator", f"{line.label}最多是100%，请把“≥100%”改为“=100%”。", fix="= 100")
    elif q.value == 0 and line.symbol == "≤":
        yield line.remark("C11", "operator", f"{line.label}最低是0，请把“≤0%”改为“=0%”。", fix="= 0")


def value_format(line: Line) -> Iterator[Remark]:
    """C12: a value cell holds one plain number."""
    if line.operator == "?":
        yield line.remark("C12", "operator", f"{line.label}的计算符号不能识别，请改为 ≥、≤、=、>、< 或定性。",
                          evidence=clip(line.row.operator, 30))  # fmt: skip
    if not line.value or line.operator == "其他" or _PURE.fullmatch(line.value):
        if line.operator == "定性" and line.value:
            yield _numeric(line)
        return
    given = isinstance(line.target, Quantity)
    if line.operator == "定性":
        if given and re.search("[0-9]", line.value):
            yield _numeric(line)
        return
    if not line.operator and not given:
        return
    q, said = line.target, f"{line.label}的指标值“{clip(line.row.value, 20)}”"
    if isinstance(q, Quantity) and (q.high is not None or q.operator == "~"):
        what = "是区间" if q.high is not None else "带“约”"
        fix = f"{'≥' if q.operator in ('=', '~') else q.operator} {plain_number(q.value)}"
        yield line.remark("C12", "value", f"{said}{what}，不能计分，请写成一个确定的数值。", fix=fix)
    elif isinstance(q, Quantity):
        symbol = q.operator if line.operator in ("", *SYMBOLS) else line.operator
        fix = f"计算符号“{symbol}”，指标值“{plain_number(q.value)}”，单位“{q.unit or line.unit}”"
        if q.value < 0:
            fix = f"改用降低或减少的幅度，指标值“{plain_number(-q.value)}”"
        yield line.remark(
            "C12", "value", f"{said}不是纯数字，请把符号、数值和单位分开填写。", fix=fix, severity=Severity.DEDUCT
        )
    elif isinstance(q, Deadline):
        yield line.remark("C12", "value", f"{said}是时点，请把计算符号改为“定性”，或换算成天数、月数。", fix="定性",
                          severity=Severity.DEDUCT)  # fmt: skip
    else:
        yield line.remark(
            "C12",
            "value",
            f"{said}不是数字，与计算符号“{clip(line.row.operator, 5)}”不符，请填数值，或改为定性并写明分档。",
        )


def _numeric(line: Line) -> Remark:
    q = parse(line.value, line.unit)
    fix = (
        f"{q.operator} {plain_number(q.value)}{q.unit or line.unit}"
        if isinstance(q, Quantity) and q.operator != "~"
        else None
    )
    return line.remark("C12", "operator", f"{line.label}写的是数值却选了定性，请把计算符号改为 ≥、≤ 或 =。", fix=fix,
                       severity=Severity.DEDUCT)  # fmt: skip


def naming(line: Line) -> Iterator[Remark]:
    """C13: a name says what is measured, not how much of it and not what is hoped for."""
    for q, (start, end) in find(line.name):
        span, rest = line.name[start:end], line.name[end:]
        if (
            not re.search("[0-9]", span)
            or measures(q.unit, "时间")
            or rest[:1] in ("岁", "级")
            or "每" in line.name[:start]
        ):
            continue
        if q.operator in ("≥", "≤", ">", "<") and len(rest) > 1:  # 500万元以上项目: which ones, not how many
            continue
        message = f"{line.label}的名称里写了目标值“{span}”，请把数值移到指标值栏。"
        yield line.remark("C13", "name", message, evidence=span, fix=_without_amounts(line.name))
        return
    counted = line.quantity is not None and not line.percent
    if _SLOGAN.match(line.name) and not _MEASURED.search(line.name) and not counted and len(line.name) > 4:
        message = f"{line.label}是目标或口号，不是指标，请改成可以计量的名称（如以率、数、度结尾）。"
        yield line.remark("C13", "name", message, evidence=clip(line.row.name, 60))


def _without_amounts(name: str) -> str:
    """The name without the quantities in it."""
    for _, (start, end) in reversed(find(name)):
        name = name[:start] + name[end:]
    return clip(name.strip(" 、,"), 40)


def single(line: Line) -> Iterator[Remark]:
    """C14: one thing an indicator."""
    plain = _BRACKETS.sub("", line.name)
    pieces = [piece for piece in _PIECES.split(plain) if piece.strip()]
    listed = len(re.findall("[、,;/]", plain)) >= 2
    if len(pieces) >= 3 and (listed or not _RELATED.search(pieces[-1])):
        end = re.search("(?:满意度|满意率|[^率]{0,2}率|数量|人数|户数|次数|面积)$", pieces[-1])
        fix = None
        if end and len(pieces[-1]) > len(end[0]) and len(plain) <= 60:
            fix = "；".join(piece if piece.endswith(end[0]) else piece + end[0] for piece in pieces)
        yield line.remark("C14", "name", f"{line.label}把{len(pieces)}件事并在一条里，无法分别考核，请拆分。",
                          evidence=clip(line.row.name, 80), fix=fix and f"拆分为：{fix}")  # fmt: skip
    elif len(pieces) == 2 and _two_measures(*pieces):
        yield line.remark("C14", "name", f"{line.label}把两个指标写在一条里，无法分别考核，请拆分。",
                          evidence=clip(line.row.name, 80))  # fmt: skip
    elif len(plain) > 20:
        yield line.remark("C14", "name", f"{line.label}的名称有{len(plain)}个字，请精简到20字以内，口径写进指标解释。",
                          evidence=clip(line.row.name, 80), severity=Severity.HINT)  # fmt: skip
    elif (
        len(pieces) == 2 and line.level2 == "数量" and line.quantity and not line.percent
        and _JOINED.search(plain) and _TALLY.search(plain) and not _ONE_OBJECT.search(plain)
    ):  # fmt: skip
        yield line.remark("C14", "name", f"{line.label}把两样东西计在一个数里，建议分开填报，或只留主要的一样。",
                          evidence=clip(line.row.name, 80), severity=Severity.HINT)  # fmt: skip


def _two_measures(first: str, last: str) -> bool:
    """Whether both halves of a name are measures: 合格率 and 完成率, but not 人数 and 基数吻合率."""
    left, right = _WHOLE.search(first), _WHOLE.search(last)
    return bool(left and right and bool(left["count"]) == bool(right["count"]) and not _RELATED.search(last))


def placing(line: Line) -> Iterator[Remark]:
    """C15: an indicator stands where it belongs."""
    name, short, q = line.name, line.level2, line.quantity
    if line.category is None or not name:
        return

    def wrong(why: str, level2: str, severity: Severity | None = None) -> Remark:
        return line.remark("C15", "level2", f"{line.label}{why}，请改放到“{level2}”。", fix=level2, severity=severity,
                           evidence=clip(f"{line.row.level2}-{line.row.name}", 80))  # fmt: skip

    given = level1_of(normalise(line.row.level1[:40]))
    under = line.level1 == "成本" and given == "产出"  # the older forms have it so
    if line.row.level1.strip() and given != line.level1 and not under:
        message = f"{line.label}的一级指标与二级指标不对应，请把一级指标改为“{line.category.level1}”。"
        written = clip(f"{line.row.level1}-{line.row.level2}", 60)
        yield line.remark("C15", "level1", message, evidence=written, fix=line.category.level1)
    if re.search("满意(?:度|率|程度)", name) and short != "满意度":
        yield wrong("问的是满意度", "服务对象满意度指标")
    elif (
        short in ("数量", "质量", "时效")
        and _in_money(line)
        and (_MONEY_NAME.search(name) or (short != "数量" and q and "/" not in q.unit))
    ):
        yield wrong("是金额", "经济成本指标")
    elif short in ("社会成本", "生态环境成本") and _in_money(line) and _SPENT.search(name) and not _BORNE.search(name):
        yield wrong("是项目自身的支出", "经济成本指标")
    elif line.level1 == "效益" and _in_money(line) and _OUTLAY.search(name) and line.symbol not in ("≥", ">"):
        yield wrong("是支出，不是效益", "经济成本指标", Severity.DEDUCT)
    elif short in ("数量", "质量") and (
        _TIMELY.search(name) or (isinstance(line.target, Deadline) and line.target.month)
    ):
        yield wrong("考核的是时间", "时效指标")
    elif (
        short in ("数量", "时效")
        and re.search("(?:合格|优良|准确|达标)率$", name)
        and not re.search("及时|时间|按[时期]", name)
    ):
        yield wrong("考核的是质量", "质量指标", Severity.DEDUCT)
    elif short == "生态效益" and not _GREEN.search(name + line.definition):
        yield wrong("与生态环境无关", "经济效益指标或社会效益指标")


def _in_money(line: Line) -> bool:
    """Whether the target is an amount, of the whole (万元) or of each (元/吨)."""
    return line.quantity is not None and measures(line.quantity.unit.partition("/")[0], "金额")


def results(line: Line) -> Iterator[Remark]:
    """C16, for one row of a project table: money spent and work done are no effect."""
    if _INPUT.search(line.name) and "支出进度" not in line.name and not line.name.startswith("人均"):
        yield line.remark("C16", "name", f"{line.label}反映的是资金投入和执行，不是绩效，请换成产出或效果指标。",
                          evidence=clip(line.row.name, 60))  # fmt: skip
    elif (
        line.level1 in ("产出", "效益") and _in_money(line) and _PAID.search(line.name) and not _WON.search(line.name)
    ):  # fmt: skip
        message = f"{line.label}是花出去的钱，不是产出或效果，请移到成本指标，产出另写受益的人数、户数或完成的数量。"
        yield line.remark("C16", "name", message, evidence=clip(line.row.name, 60))
    elif line.level1 == "效益" and _WORK.search(line.name) and not _AGAINST.search(line.name):
        yield line.remark("C16", "name", f"{line.label}是工作量，不是效果，请移到产出指标，并另写受益对象得到的变化。",
                          evidence=clip(line.row.name, 60))  # fmt: skip


def satisfaction(line: Line) -> Iterator[Remark]:
    """C05, for one row: what stands under 满意度 asks how satisfied people are."""
    if line.level1 == "满意度" and line.name and not re.search("满意|认可|好评|评价|赞", line.name):
        if re.search("投诉|表扬|锦旗", line.name):
            message = f"{line.label}只能旁证满意度，建议另设服务对象满意度指标。"
            yield line.remark(
                "C05", "name", message, fix="服务对象满意度", evidence=clip(line.row.name, 60), severity=Severity.HINT
            )
        else:
            yield line.remark("C05", "name", f"{line.label}不是满意度，请改放到其他类别，并设服务对象满意度指标。",
                              fix="服务对象满意度", evidence=clip(line.row.name, 60))  # fmt: skip


def needs_scale(line: Line) -> bool:
    """C27: a short qualitative target that names no grades and is explained nowhere."""
    if line.operator not in ("定性", "") or line.definition or not isinstance(line.target, Qualitative):
        return False
    if not 0 < len(line.value) <= 8 or line.level2 == "时效" or is_vague(line):
        return False
    return not _GRADED.search(line.value) and not _FACTS.search(line.value)


def scale(line: Line) -> Iterator[Remark]:
    """C27, for a qualitative row."""
    if needs_scale(line):
        yield line.remark(
            "C27", "definition", f"{line.label}的目标“{clip(line.row.value, 10)}”没有分档，请写明各档标准和分值。",
            fix="达成预期80%至100%、部分达成60%至80%、效果较差0至60%，并写明各档的判断依据",
        )  # fmt: skip


RULES: tuple[Callable[[Line], Iterator[Remark]], ...] = (
    required, satisfaction, missing_value, missing_unit, unit_fits, vague, direction, bounds, value_format, naming,
    single, placing, scale,
)  # fmt: skip
