"""Counts, checks, backup and restore of a data folder."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

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
    active = "select count(*) from indicators where status = 'active'"
    statements = {
        "indicators": active,
        "common": f"{active} and kind = 'common'",
        "specific": f"{active} and kind = 'specific'",
        "specific_public": f"{active} and kind = 'specific' and visibility = 'public'",
        "specific_restricted": f"{active} and kind = 'specific' and visibility = 'restricted'",
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
        return {name: int(store.value(sql)) for name, sql in statements.items()}
    except sqlite3.DatabaseError as error:
        raise NotReady(f"数据库 {store.path} 已损坏（{error}），请用 zhibiao restore 从备份恢复。") from error


def described(store: Store, counts: dict[str, int]) -> list[str]:
    """The library's composition in words, a line each, in the form in which prefectures report theirs."""
    kinds = {row["kind"]: row["n"] for row in store.rows("select kind, count(*) as n from owners group by kind")}
    domains = store.rows(
        "select u.domain, count(distinct u.code) as uses, count(i.id) as indicators, "
        "coalesce(sum(i.visibility = 'restricted'), 0) as restricted from uses u "
        "left join indicators i on i.use_code = u.code and i.status = 'active' "
        "group by u.domain order by min(u.ordinal)"
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
    """The store's own checks: schema, integrity, and that every revision chain is whole."""
    pending = [step.name for step in steps.pending(store.db)]
    problems = store.problems()
    broken = problems or store.value(
        "select count(*) from indicators i where i.revision <> (select count(*) from revisions r "
        "where r.kind = 'indicators' and r.record_id = i.id and r.revision between 1 and i.revision)"
    )
    revisions = "数据不完整，未能核对修订记录" if problems else f"{broken} 条指标缺少修订记录，请从备份恢复"
    return [
        Check("schema", not pending, "数据库结构为最新" if not pending else "数据库结构较旧，请运行 zhibiao init 升级"),
        Check(
            "integrity", not problems, "数据完整" if not problems else f"{problems[0]}，请用 zhibiao restore 从备份恢复"
        ),
        Check("revisions", not broken, "修订记录完整" if not broken else revisions),
    ]


def backup(store: Store, target: Path) -> None:
    """Write one consistent copy of the store to ``target`` while it is in use.

    Raises BadInput when it exists or cannot be written.
    """
    if target.exists():
        raise BadInput(f"文件 {target} 已存在，请换一个文件名。", field="file")
    partial = target.with_name(target.name + ".part")
    try:
        partial.unlink(missing_ok=True)
        with closing(sqlite3.connect(partial)) as copy:
            store.db.conn.backup(copy)
        partial.rename(target)
    except (OSError, sqlite3.OperationalError) as error:
        partial.unlink(missing_ok=True)
        raise BadInput(f"备份文件 {target} 写不进去，请检查目录是否存在、能否写入。", field="file") from error


def restore(folder: Path, source: Path) -> None:
    """Put a backup in place of the store of ``folder``; what was there is kept as ``*.before-restore`` beside it.

    Raises Unreadable when ``source`` is not a sound backup; then nothing is touched. No server may be running.
    """
    if not source.is_file():
        raise BadInput(f"没有文件 {source}，请检查路径。", field="file")
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / (FILE_NAME + ".part")
    shutil.copyfile(source, partial)
    try:
        with closing(sqlite3.connect(partial)) as copy:
            sound = copy.execute("pragma integrity_check").fetchone()[0] == "ok"
            copy.execute("select count(*) from indicators")
    except sqlite3.DatabaseError:
        sound = False
    if not sound:
        partial.unlink()
        raise Unreadable(f"文件 {source} 不是完好的备份，请换一个备份文件。", field="file")
    for suffix in ("", "-wal", "-shm"):
        # The log of what is kept goes by its new name, or SQLite would miss what stands only there.
        kept = folder / (FILE_NAME + ".before-restore" + suffix)
        kept.unlink(missing_ok=True)
        old = folder / (FILE_NAME + suffix)
        if old.exists():
            old.rename(kept)
    partial.rename(folder / FILE_NAME)
