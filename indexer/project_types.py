"""What kind of project a draft is about, which decides the common indicators that apply.

The words are those of project names in public goal tables; the themes are those of the common indicators.
"""

from __future__ import annotations

import re

from corpus.text import remembered

GENERAL = "通用"
# Where the common indicators of any project stand: the evaluation framework (财预〔2013〕53号) and, for the spending
# schedule that 红河州 asks of every project, those of whole departments.
OFTEN = (GENERAL, "项目评价", "部门整体")
# What nearly every good table of such a project holds, whatever its words; of the framework only outputs and effects,
# not the soundness of a project's papers.
CORE = {
    GENERAL: "计划产出实现率 质量达标率 产出完成及时率 项目总成本控制数 服务对象满意度 受益群众满意度 受益人数 "
    "资金使用合规率 资金拨付及时率 预算执行支出进度（11月30日） 群众生产生活条件改善认可率",
    "培训": "培训期数 培训人次 培训合格率 培训班按期开班率 培训人均日综合费用 参训学员满意度",
    "会议": "会议场次 参会人次 会议按期召开率",
    "人员经费": "保障在职人员数 工资发放及时率 人均人员经费支出 单位职工满意度",
    "宣传": "宣传活动场次 宣传资料发放份数 宣传受众满意度",
    "课题研究": "研究报告完成篇数 课题结题通过率 课题按期结题率 研究成果采纳率",
    "资产管理": "资产出租收入收缴率 税费按期足额缴纳率",
    "工程建设": "验收合格率 按期完工率 项目按期开工率 工程完成及时率",
    "货物采购": "设备采购数量 采购程序合规率 到货验收一次通过率 合同交货及时率 单台设备采购均价",
    "信息系统": "系统可用率 故障平均修复时间 系统用户满意度",
    "补助补贴": "补助人数 补助对象准确率 补助标准执行达标率 补助发放及时率 人均补助标准 政策知晓率 补助对象满意度",
    "运行维护": "运维设备台套数 设备完好率 运维服务响应时长",
    "咨询委托服务": "委托服务事项数 报告合格率 成果交付及时率 委托单位满意度",
    "贷款债券": "债券资金支持项目数 债券资金支出进度 还本付息按期率",
    "部门整体": "年度重点任务完成件数 重点工作办结率 预算完成率 公用经费控制率 社会公众满意度",
    "奖励表彰": "奖励人员数 奖金兑付及时率 人均奖励金额 获奖对象满意度",
    "检查监督": "检查单位家数 问题整改到位率",
    "活动赛事": "赛事活动举办场次 活动按期举办率 参赛观赛人员满意度",
}
_CORE = {theme: frozenset(names.split()) for theme, names in CORE.items()}
_WORDS = {
    "培训": "培训 轮训 研修 授课 讲座 跟岗",
    "会议": "会议 论坛 座谈会 研讨会 年会 例会",
    "课题研究": "课题 研究 科研 调研 软科学",
    "工程建设": "工程 新建 改建 扩建 修缮 改造 建设项目 硬化 加固 基础设施 配套设施 安装",
    "货物采购": "采购 购置 购买 设备 车辆 装备 物资",
    "信息系统": "信息化 信息系统 平台 软件 网络 数字化 智慧 机房",
    "补助补贴": "补助 补贴 资助 救助 奖补 助学 低保 发放 补偿 奖扶 报销 扶持",
    "宣传": "宣传 普法 科普 推介 宣讲",
    "运行维护": "运行 维护 运维 养护 管护 维修 运转 保洁 保养",
    "咨询委托服务": "委托 第三方 咨询 编制 规划设计 测绘 审计 评估 检测 购买服务",
    "贷款债券": "贷款 贴息 债券 融资 还本付息",
    "部门整体": "部门整体 整体支出",
    "人员经费": "工资 个税 个人所得税 五险一金 人员经费 聘用 津贴 岗位补贴 临聘 劳务",
    "资产管理": "国有资产 资产管理 出租 处置 门面",
    "奖励表彰": "奖励 表彰 表扬 评优 举报奖",
    "检查监督": "检查 执法 督查 督导 巡查 监督 抽检 监测 考试",
    "活动赛事": "赛事 比赛 活动 公开赛 演出 节庆 运动会 展览",
}
_BREAKS = re.compile(r"[，。；：、,;\s]+")
_PATTERNS = {theme: re.compile("|".join(words.split())) for theme, words in _WORDS.items()}


def themes(project: str, goal: str) -> dict[str, tuple[float, str]]:
    """Theme -> (how sure, 0 to 1; the word that says so): a word in the project's name says more than in its goal."""
    named, said = _first_said(project), _first_said(goal)
    sure = {theme: (1.0, word) for theme, word in named.items()}
    return {theme: sure.get(theme) or (0.5, said[theme]) for theme in _PATTERNS if theme in named or theme in said}


def _first_said(text: str) -> dict[str, str]:
    """By theme the first of its words; none of them reaches beyond a clause."""
    found: dict[str, str] = {}
    for clause in _BREAKS.split(text):
        for theme, word in _read(clause):
            found.setdefault(theme, word)
    return found


def _of_clause(clause: str) -> tuple[tuple[str, str], ...]:
    found = ((theme, pattern.search(clause)) for theme, pattern in _PATTERNS.items())
    return tuple((theme, word[0]) for theme, word in found if word)


_read = remembered(_of_clause)


def core(name: str, theme: str) -> bool:
    """Whether tables of projects of that type nearly always hold the common indicator of that name."""
    return name in _CORE.get(theme, ())
