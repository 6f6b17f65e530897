"""The actions of the audit in words."""

from __future__ import annotations

ACTIONS = {
    "see": "查看不可公开记录",
    "import": "导入",
    "edit": "修改",
    "export": "导出",
    "export.open": "导出公开版",
    "export.full": "导出完整版",
    "form": "导出绩效目标表",
    "user.add": "新建账户",
    "user.disable": "停用账户",
    "token.api": "签发访问令牌",
    "sign.in": "登录",
    "sign.failed": "登录失败",
    "sign.out": "退出登录",
    "sign.end": "结束会话",
    "user.edit": "修改账户",
    "user.enable": "启用账户",
    "user.lock": "锁定账户",
    "user.unlock": "解除锁定",
    "user.password": "修改密码",
    "user.password.failed": "修改密码时原密码不对",
    "user.reset": "重设密码",
    "token.revoke": "撤销令牌或链接",
    "token.link": "签发一次性登录链接",
    "settings.adopt": "采用检索权重",
    "settings.reset": "恢复默认检索权重",
    "choices.reset": "清除采用记录",
    "backup": "备份",
    "restore": "从备份恢复",
    "audit.export": "导出审计记录",
}
FAMILIES = {
    "curate": "维护指标",
    "user": "账户",
    "account": "账户",
    "token": "令牌",
    "sign": "登录",
    "settings": "检索设置",
    "experts": "专家",
    "draw": "专家抽取",
    "export": "导出",
    "audit": "审计",
}


def said(action: str) -> str:
    """An action in Chinese; one without words of its own by its family, and else as it is written."""
    family = FAMILIES.get(action.partition(".")[0])
    return ACTIONS.get(action) or (f"{family}（{action}）" if family else action)
