"""Commands of the derived storey: index, search, suggest, review, doctor."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from corpus import maintenance, seen
from corpus.access import Actor
from corpus.calls import acting, data_folder, operating, progress
from corpus.errors import BadInput, Conflict, NotReady, ZhibiaoError
from corpus.maintenance import Check
from corpus.model import Goal, GoalRow
from corpus.store import Store
from corpus.text import fold
from indexer import build, folding, meaning, search, semantic
from indexer.live import Live
from indexer.review import review
from indexer.search import Query
from indexer.semantic import Unavailable
from indexer.suggest import Draft, suggest

# So many records get their meaning vectors at once after a write; more are left to the server or to ``index``.
FEW = 20
SEARCHES = {
    "indicators": search.search_indicators,
    "policies": search.search_policies,
    "experts": search.search_experts,
}


def register(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands of this storey."""
    index = commands.add_parser("index", help="建立、更新或核对索引")
    index.add_argument("--full", action="store_true", help="全部重建")
    index.add_argument("--verify", action="store_true", help="只核对，不写入")
    index.add_argument("--no-meaning", action="store_true", help="不生成语义向量")
    index.set_defaults(run=run_index)

    find = commands.add_parser("search", help="检索")
    find.add_argument("query", metavar="QUERY")
    find.add_argument("--kind", choices=tuple(SEARCHES), default="indicators")
    find.add_argument("--page", type=int, default=1)
    find.add_argument("--size", type=int, default=20)
    find.add_argument("--json", action="store_true")
    find.set_defaults(run=run_search)

    draft = commands.add_parser("suggest", help="按绩效目标推荐指标")
    draft.add_argument("file", nargs="?", default="-", metavar="FILE|-")
    draft.add_argument("--project", default="", help="项目名称")
    draft.add_argument("--limit", type=int, default=20)
    draft.add_argument("--json", action="store_true")
    draft.set_defaults(run=run_suggest)

    check = commands.add_parser("review", help="审核绩效目标表")
    check.add_argument("file", metavar="FILE")
    check.add_argument("--json", action="store_true")
    check.set_defaults(run=run_review)

    doctor = commands.add_parser("doctor", help="检查数据与索引")
    doctor.add_argument("--json", action="store_true")
    doctor.set_defaults(run=run_doctor)


def settle(store: Store) -> None:
    """Bring the index up to date after a write: small changes are served beside it, large ones are built in."""
    try:
        due = folding.beside(store).due
    except NotReady:
        due = True
    if due:
        build.build(store, progress)
    with suppress(Conflict, Unavailable):  # the server, or the next call, goes on with them
        meaning.keep(store, semantic.embedder(), most=FEW)


def run_index(args: Namespace) -> int:
    """Build when asked or behind; ``--verify`` only looks."""
    store = Store.open(data_folder(args))
    operating(args, store, "维护索引")
    if args.verify:
        found = build.verify(store)
    elif args.full or _behind(store):
        found = build.build(store, progress)
    else:
        found = build.manifest(build.current(store.folder))
    model = None if args.verify or args.no_meaning else semantic.embedder()
    if model is not None:
        try:
            meaning.fill(store, model, progress, workers=os.cpu_count() or 1)
        except (Conflict, Unavailable) as error:
            print(error.message, file=sys.stderr)
    print(f"索引 {found.name}：" + "，".join(f"{kind} {count}" for kind, count in found.counts.items()))
    return 0


def _behind(store: Store) -> bool:
    try:
        return build.manifest(build.current(store.folder)).seq < store.head()
    except NotReady:
        return True


def run_search(args: Namespace) -> int:
    """Print the first page of hits."""
    store = Store.open(data_folder(args))
    live = Live(store)
    asked = Query(args.query, {}, args.page, args.size)
    actor = acting(args, store)
    search_for: Any = SEARCHES[args.kind]
    results, document = _answer(store, actor, lambda: search_for(store, live, asked, actor))
    if args.json:
        print(document)
        return 0
    if results.used:
        print(f"没有找到“{args.query}”，已显示“{results.used}”的结果。")
    print(f"共 {results.total} 条")
    for number, hit in enumerate(results.hits, 1 + (args.page - 1) * args.size):
        print(f"{number:3d}. {_line(args.kind, hit.record)}\n     {hit.why}")
    return 0


def _answer(store: Store, actor: Actor, ask: Callable[[], Any]) -> tuple[Any, str]:
    """An answer and its JSON, once it is written down which restricted records it shows."""
    with seen.gathering(actor) as gathered:
        answer = ask()
        document = json.dumps(answer.as_json(), ensure_ascii=False)
    seen.write(store, actor, gathered.named_in(document))
    return answer, document


def _line(kind: str, record: Any) -> str:
    if kind == "indicators":
        place = record.use.use if record.use else f"共性·{record.theme}"
        return f"{record.name}  {record.target}  [{record.category.level2}]  {place}  {record.code}"
    if kind == "policies":
        text = record.passage.text
        return f"{record.citation}：{text[:60]}{'…' if len(text) > 60 else ''}"
    return f"{record.name}  {record.kind}  {record.organisation}  {'、'.join(record.fields)}"


def run_suggest(args: Namespace) -> int:
    """One answer for a text, or one a line for JSON Lines; a bad line is named and the others go on."""
    store = Store.open(data_folder(args))
    live, actor = Live(store), acting(args, store)
    text = _read(args.file)
    failed = 0
    for number, draft in _drafts(text, args):
        try:
            if isinstance(draft, ZhibiaoError):
                raise draft
            found, document = _answer(store, actor, partial(suggest, store, live, draft, actor))
        except ZhibiaoError as error:
            print(f"第 {number} 行：{error.message}", file=sys.stderr)
            failed = 1
            continue
        if args.json:
            print(document)
            continue
        print(f"# {draft.project or draft.goal[:40]}")
        print("用途：" + "、".join(f"{u.use.use}（{u.confidence:.0%}）" for u in found.uses))
        for item in found.items:
            i = item.indicator
            print(f"  [{i.category.short}] {i.name} {i.target} —— {'；'.join(item.why)}")
    return failed


def _drafts(text: str, args: Namespace) -> Iterator[tuple[int, Draft | ZhibiaoError]]:
    lines = text.split("\n")
    if not any(line.lstrip().startswith("{") for line in lines):
        yield 1, Draft(project=args.project, goal=text.strip(), limit=args.limit)
        return
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
            project, goal = found.get("project", args.project), found.get("goal", "")
            if not isinstance(project, str) or not isinstance(goal, str):
                raise TypeError
            yield number, Draft(project=project, goal=goal, limit=args.limit)
        except (ValueError, TypeError, AttributeError):
            yield number, BadInput("不是 {project, goal} 形式的 JSON，请修改。", field="file")


def run_review(args: Namespace) -> int:
    """Print the findings of a goal table; exit 1 when there are any."""
    store = Store.open(data_folder(args))
    actor = acting(args, store)
    goal = _goal(_read(args.file))
    answer, document = _answer(store, actor, lambda: review(goal, store, Live(store), actor))
    found = answer.as_json()
    if args.json:
        print(document)
    else:
        print(f"得分 {found['score']}，等级 {found['grade']}")
        findings: Any = found["findings"]
        for f in findings:
            row = "全表" if f["row"] is None else f"第 {f['row'] + 1} 行"
            print(f"  [{f['severity']}] {row} {f['message']}（{f['rule']}）")
    return 1 if found["findings"] else 0


def _goal(text: str) -> Goal:
    try:
        found = json.loads(text)
        rows = found.get("rows", found.get("indicators", []))
        return Goal(
            project=str(found.get("project", "")),
            goal=str(found.get("goal", "")),
            budget=None if found.get("budget") is None else float(found["budget"]),
            rows=tuple(
                GoalRow(
                    level1=str(r.get("level1", "")),
                    level2=str(r.get("level2", "")),
                    name=str(r.get("name", "")),
                    operator=str(r.get("operator", r.get("op", ""))),
                    value=str(r.get("value", "")),
                    unit=str(r.get("unit", "")),
                    weight=str(r.get("weight", "")),
                    definition=str(r.get("definition", "")),
                )
                for r in rows
            ),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInput("文件不是绩效目标表的 JSON（project、goal、rows），请检查格式。", field="file") from error


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"文件 {name} 读不出来，请检查路径和编码（应为 UTF-8）。", field="file") from error


def run_doctor(args: Namespace) -> int:
    """Check store, index and words, and say what to do; exit 1 when something is wrong."""
    store = Store.open(data_folder(args))
    operating(args, store, "检查数据")
    counts = maintenance.counts(store)
    checks = [*maintenance.check(store), _index_check(store), _lexicon_check(store, counts["lexicon"])]
    ok = all(c.ok for c in checks)
    if args.json:
        listed = [{"name": c.name, "ok": c.ok, "message": c.message} for c in checks]
        print(json.dumps({"ok": ok, "counts": counts, "checks": listed}, ensure_ascii=False))
    else:
        print("\n".join(maintenance.described(store, counts)))
        for c in checks:
            print(f"[{'正常' if c.ok else '异常'}] {c.name}：{c.message}")
    return 0 if ok else 1


def _index_check(store: Store) -> Check:
    try:
        found = build.verify(store)
    except ZhibiaoError as error:
        return Check("index", False, error.message)
    return Check("index", True, f"索引 {found.name} 与指标库一致，尚有 {store.head() - found.seq} 处变更随查随用")


def _lexicon_check(store: Store, terms: int) -> Check:
    """The words of a library that has some must cut a known term in one piece."""
    if not terms:
        return Check("lexicon", True, "没有专用词表，使用通用分词")
    try:
        analyzer = Live(store).view().words.analyzer
    except ZhibiaoError as error:
        return Check("lexicon", False, error.message)
    whole = sum(analyzer.known(fold(row["term"])) for row in store.rows("select term from lexicon limit 200"))
    ok = whole >= min(terms, 200) * 0.95
    return Check("lexicon", ok, f"词表 {terms} 个词可用" if ok else "词表未生效，请运行 zhibiao index --full")
