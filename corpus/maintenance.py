"""Counts, checks, backup and restore of a data folder."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from corpus import chain, editions
from corpus.errors import BadInput, NotReady, Unreadable
from corpus.migrations import steps
from corpus.store import FILE_NAME, Store


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that doctor looked at; ``message`` says what to do when it is not ok."""

    name: str
    ok: bool
    message: str


def counts(store: Store) -> dict[str, int]:
    """The size of everything, retired records left out. Raises NotReady when the file is too damaged to count."""
    of_indicators = (
        "select count(*) as indicators, coalesce(sum(kind = 'common'), 0) as common, "
        "coalesce(sum(kind = 'specific'), 0) as specific, "
        "coalesce(sum(kind = 'specific' and visibility = 'public'), 0) as specific_public, "
        "coalesce(sum(kind = 'specific' and visibility = 'restricted'), 0) as specific_restricted "
        "from indicators where status = 'active'"
    )
    statements = {
        "domains": "select count(distinct domain) from uses",
        "industries": "select count(distinct substr(code, 1, 5)) from uses",
        "uses": "select count(*) from uses",
        "owners": "select count(*) from owners",
        "experts": "select count(*) from experts where status = 'active'",
        "policies": "select count(*) from policies",
        "passages": "select count(*) from passages",
        "synonyms": "select count(distinct term) from synonyms",
        "lexicon": "select count(*) from lexicon",
    }
    try:
        return store.rows(of_indicators)[0] | {name: int(store.value(sql)) for name, sql in statements.items()}
    except sqlite3.DatabaseError as error:
        raise NotReady(f"数据库 {store.path} 已损坏（{error}），请用 zhibiao restore 从备份恢复。") from error


def described(store: Store, counts: dict[str, int]) -> list[str]:
    """The library's composition in words, a line each, in the form in which prefectures report theirs."""
    kinds = {row["kind"]: row["n"] for row in store.rows("select kind, count(*) as n from owners group by kind")}
    domains = store.rows(
        "select u.domain, count(distinct u.code) as uses, count(i.id) as indicators, "
        "coalesce(sum(i.visibility = 'restricted'), 0) as restricted from uses u "
        "left join indicators i on i.use_code = u.code and i.status = 'active' "
        "group by u.domain order by max(u.declared) desc, min(case when u.declared then u.ordinal end), min(u.code)"
    )
    return [
        f"指标 {counts['indicators']} 条：共性 {counts['common']} 条，个性 {counts['specific']} 条"
        f"（可公开 {counts['specific_public']} 条，不可公开 {counts['specific_restricted']} 条）",
        f"分类：{counts['domains']} 个领域，{counts['industries']} 个行业，{counts['uses']} 个用途",
        f"预算单位 {counts['owners']} 家" + "".join(f"，{kind} {n} 家" for kind, n in sorted(kinds.items())),
        f"专家 {counts['experts']} 名；政策 {counts['policies']} 份，{counts['passages']} 段；"
        f"同义词 {counts['synonyms']} 组；词表 {counts['lexicon']} 个词",
        *(
            f"　{row['domain']}：{row['uses']} 个用途，{row['indicators']} 条（不可公开 {row['restricted']} 条）"
            for row in domains
        ),
    ]


def check(store: Store) -> list[Check]:
    """The store's own checks: schema, integrity, that every revision chain is whole, and the chain of the audit."""
    pending = [step.name for step in steps.pending(store.db)]
    problems = store.problems()
    broken = problems or store.value(
        "select count(*) from indicators i where i.revision <> (select count(*) from revisions r "
        "where r.kind = 'indicators' and r.record_id = i.id and r.revision between 1 and i.revision)"
    )
    revisions = "数据不完整，未能核对修订记录" if problems else f"{broken} 条指标缺少修订记录，请从备份恢复"
    return [
        *(_open_edition(store) if not problems and editions.is_open(store) else ()),
        Check("schema", not pending, "数据库结构为最新" if not pending else "数据库结构较旧，请运行 zhibiao init 升级"),
        Check(
            "integrity", not problems, "数据完整" if not problems else f"{problems[0]}，请用 zhibiao restore 从备份恢复"
        ),
        Check("revisions", not broken, "修订记录完整" if not broken else revisions),
        _audit_check(store, pending=bool(pending), damaged=bool(problems)),
    ]


def _audit_check(store: Store, *, pending: bool, damaged: bool) -> Check:
    """The whole chain of the audit, in one view of the store."""
    if pending or damaged:
        return Check("audit", False, "数据不完整或结构较旧，未能核对审计记录")
    with store.reading() as db:
        broken = chain.verify(db.conn).broken
        guards = int(store.value("select count(*) from sqlite_master where type = 'trigger' and tbl_name = 'audit'"))
    if broken is None and guards < chain.GUARDS:
        return Check("audit", False, "审计记录缺少防改写的触发器，请查明是谁去掉的，再从备份恢复")
    if broken is None:
        return Check("audit", True, "审计记录完整")
    return Check("audit", False, f"审计记录从第 {broken} 条起与写入时不符，请封存数据目录，与备份和另存的链头核对")


def _open_edition(store: Store) -> list[Check]:
    """That the open edition holds nothing restricted, however it may have come in."""
    hidden = store.value(
        "select (select count(*) from indicators where visibility <> 'public') + "
        "(select count(*) from policies where visibility <> 'public')"
    )
    said = (
        f"公开版里有 {hidden} 条不可公开的记录，请停止服务，从完整版重新导出" if hidden else "公开版，只含可公开的记录"
    )
    return [Check("edition", not hidden, said)]


def backup(store: Store, target: Path, *, actor: str = "") -> None:
    """Write one consistent copy of the store to ``target`` while it is in use, and who made it into the audit.

    Raises BadInput when it exists or cannot be written.
    """
    if target.exists():
        raise BadInput(f"文件 {target} 已存在，请换一个文件名。", field="file")
    partial = target.with_name(target.name + ".part")
    try:
        partial.unlink(missing_ok=True)
        with closing(sqlite3.connect(partial)) as copy:
            store.db.conn.backup(copy)
        store.audit(actor=actor, action="backup", target=target.name)
        partial.rename(target)
    except (OSError, sqlite3.OperationalError) as error:
        partial.unlink(missing_ok=True)
        raise BadInput(f"备份文件 {target} 写不进去，请检查目录是否存在、能否写入。", field="file") from error


def restore(folder: Path, source: Path, *, actor: str = "") -> None:
    """Put a backup in place of the store of ``folder``; what was there is kept as ``*.before-restore`` beside it.

    The chain of the audit ends earlier in a backup: its next row says who restored it, and where the chain that it
    takes the place of ended. Raises Unreadable when ``source`` is not a sound backup; then nothing is touched. No
    server may be running.
    """
    if not source.is_file():
        raise BadInput(f"没有文件 {source}，请检查路径。", field="file")
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / (FILE_NAME + ".part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700)
    try:
        shutil.copyfile(source, aside / FILE_NAME)
        if not _sound(aside / FILE_NAME):
            raise Unreadable(f"文件 {source} 不是完好的备份，请换一个备份文件。", field="file")
        with closing(Store.open(aside)) as restored:
            restored.audit(actor=actor, action="restore", target=source.name, detail=_ended(folder / FILE_NAME))
        for suffix in ("", "-wal", "-shm"):
            # The log of what is kept goes by its new name, or SQLite would miss what stands only there.
            kept = folder / (FILE_NAME + ".before-restore" + suffix)
            kept.unlink(missing_ok=True)
            old = folder / (FILE_NAME + suffix)
            if old.exists():
                old.rename(kept)
        (aside / FILE_NAME).rename(folder / FILE_NAME)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sound(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as copy:
            copy.execute("select count(*) from indicators")
            return bool(copy.execute("pragma integrity_check").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False


def _ended(path: Path) -> str:
    """Where the chain of the audit ended that a restored one takes the place of, in words."""
    if not path.exists():
        return "此前没有指标库"
    try:
        with closing(sqlite3.connect(path)) as old:
            last = chain.head(old)
    except sqlite3.DatabaseError:
        return "此前的审计记录已无法读出"
    return f"此前的审计记录止于第 {last.serial} 条 {last.hash}"
