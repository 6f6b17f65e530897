"""What kind of project a draft is about, which decides the common indicators that apply.

The words are those of project names in public goal tables; the themes are those of the common indicators.
"""

from __future__ import annotations

import re

GENERAL = "通用"
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
    "人员经费": "工资 人员经费 聘用 津贴 岗位补贴 临聘 劳务",
    "资产管理": "国有资产 资产管理 出租 处置 门面",
    "奖励表彰": "奖励 表彰 表扬 评优 举报奖",
    "检查监督": "检查 执法 督查 督导 巡查 监督 抽检 监测 考试",
    "活动赛事": "赛事 比赛 活动 公开赛 演出 节庆 运动会 展览",
}
_PATTERNS = {theme: re.compile("|".join(words.split())) for theme, words in _WORDS.items()}


def themes(project: str, goal: str) -> dict[str, tuple[float, str]]:
    """Theme -> (how sure, 0 to 1; the word that says so): a word in the project's name says more than in its goal."""
    found: dict[str, tuple[float, str]] = {}
    for theme, pattern in _PATTERNS.items():
        named, said = pattern.search(project), pattern.search(goal)
        if named:
            found[theme] = (1.0, named[0])
        elif said:
            found[theme] = (0.5, said[0])
    return found
