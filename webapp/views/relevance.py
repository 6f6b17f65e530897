"""The relevance desk: how good search and suggestion are, question by question, and trials of other weights."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from flask import Blueprint, Flask, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from corpus.access import Right, require
from corpus.errors import BadInput, Conflict, NotFound
from corpus.text import fold
from indexer import meaning, relevance, settings
from indexer.relevance import KINDS, TOP, Figures
from indexer.settings import MOST, Settings
from webapp.desk import Desk
from webapp.services import actor, services

bp = Blueprint("relevance", __name__, url_prefix="/relevance")

# Questions of a trial that are shown with what came and went.
SHOWN = 100
# With less of the judged library the figures are said to mean little.
ENOUGH = 0.9
GRADES = {3: "正是所要", 2: "相符", 1: "相关", 0: "无关"}
SECTIONS = {"fields": "词的位置", "synonyms": "近义词", "query": "检索词", "suggest": "起草推荐"}
LABELS = {
    "fields.name": ("名称", "检索词出现在指标名称里"),
    "fields.keywords": ("关键词", "出现在关键词里"),
    "fields.class": ("领域用途", "出现在领域、行业、用途、共性主题里"),
    "fields.category": ("指标类别", "出现在一、二级指标里"),
    "fields.body": ("解释公式", "出现在指标解释、公式、佐证材料里"),
    "fields.chars": ("单字", "名称里逐字相符，用于一两个字的检索"),
    "synonyms.same": ("同义", "同义词与原词相比"),
    "synonyms.abbreviation": ("简称", "简称与全称相比"),
    "synonyms.colloquial": ("口语", "口语说法与规范说法相比"),
    "synonyms.narrower": ("下位词", "更窄的词与原词相比"),
    "query.part": ("词的部分", "长词只符合其中一部分，如“农村公路”的“公路”"),
    "query.generic": ("泛词", "几乎每个项目都有的词，如“项目”“资金”"),
    "query.guess": ("猜测全称", "为不认识的简称猜出的全称"),
    "query.aspect": ("类别词", "说出类别的词，如“满意度”“成本”"),
    "query.spelling": ("纠错", "改正错别字；0 为仅在没有结果时改正"),
    "query.meaning": ("语义", "检索时意思相近；语义检索启用时有效"),
    "suggest.use": ("用途", "属于推断出的用途"),
    "suggest.theme": ("项目类型", "属于项目类型的共性指标"),
    "suggest.general": ("通用", "各类项目通用的共性指标"),
    "suggest.other": ("他用扣减", "用途明确时，其他用途的指标扣去的份额"),
    "suggest.quantity": ("数量", "目标里的数字与指标单位相符"),
    "suggest.meaning": ("语义", "起草时意思相近；语义检索启用时有效"),
    "suggest.taken": ("采用", "同一用途下多人采用过"),
    "suggest.cover": ("成套", "覆盖各类指标的一组；0 为直接按得分列出"),
}


def init(app: Flask) -> None:
    """Give the application its desk."""
    at = app.extensions["zhibiao"]
    app.extensions["zhibiao_relevance"] = Desk(at.store.folder, at.live)


def desk() -> Desk:
    """The desk of the running application."""
    found: Desk = current_app.extensions["zhibiao_relevance"]
    return found


# Pages


@bp.before_request
def _guard() -> None:
    require(actor(), Right.CURATE)


@bp.get("")
def index() -> str:
    """The figures, what they hold for, and the weights that serve."""
    run = desk().run  # before the report: what runs now may end meanwhile
    view, report = services().live.view(), desk().report()
    return render_template(
        "relevance.html",
        run=run,
        trouble=desk().trouble or _damage(),
        report=report,
        measured=_local(report.at) if report else "",
        outdated=report.outdated(view, relevance.FOLDER) if report else [],
        groups=relevance.by_group(report.outcomes) if report else {},
        whole=Figures.of(report.outcomes) if report else None,
        figures=relevance.by_kind(report.outcomes) if report else {},
        count=len(relevance.questions(relevance.FOLDER)),
        pairs=sum(map(len, relevance.judgements(relevance.FOLDER).values())),
        meaning=meaning.status(view),
        own=_own(view.settings),
        enough=ENOUGH,
        kinds=KINDS,
    )


@bp.get("/questions")
def questions() -> str:
    """The questions of a kind, or all, that hold a text; the worst answered first."""
    text, kind = request.args.get("q", "").strip()[:500], request.args.get("kind", "")
    report = desk().report()
    outcomes = {o.question.id: o for o in report.outcomes} if report else {}
    asked = relevance.questions(relevance.FOLDER)
    words = fold(text)
    matching = [q for q in asked if words in fold(f"{q.id} {q.text} {q.goal} {q.intent}")]
    listed = [(q, outcomes.get(q.id)) for q in matching if kind in ("", q.kind)]
    counts = {name: sum(q.kind == name for q in matching) for name in KINDS}
    return render_template(
        "relevance_questions.html",
        q=text,
        kind=kind if kind in KINDS else "",
        kinds=KINDS,
        counts={name: count for name, count in counts.items() if count or name == kind},
        total=len(matching),
        listed=sorted(listed, key=lambda pair: pair[1].ndcg if pair[1] else 0.0),
        measured=bool(outcomes),
    )


@bp.get("/questions/<id>")
def question(id: str) -> str:
    """One question: what it finds at this moment, and what it should find and does not put among the first ten."""
    asked = next((q for q in relevance.questions(relevance.FOLDER) if q.id == id), None)
    if asked is None:
        raise NotFound("没有这道题，请从题目列表中选择。")
    store, view = services().store, services().live.view()
    found = relevance.found(store, view, asked, relevance.FOLDER)
    grades = relevance.judgements(relevance.FOLDER)[id]
    keys = [d.key for d in found]
    wanted = [k for k, g in sorted(grades.items(), key=lambda p: (-p[1], p[0])) if g >= relevance.GOOD]
    lacking = [key for key in wanted if key not in keys[:TOP]]
    known = relevance.documents(store, lacking, relevance.FOLDER)
    return render_template(
        "relevance_question.html",
        q=asked,
        outcome=relevance.grade(asked, keys, grades),
        found=found[:TOP],
        grades=grades,
        grade_names=GRADES,
        missed=[(known[key], keys.index(key) + 1 if key in keys else 0) for key in lacking if key in known],
        gone=len(lacking) - len(known),
        wanted=len(wanted),
        kinds=KINDS,
    )


@bp.get("/trial")
def trial() -> str:
    """The form of all weights, and what the last trial gave."""
    weights, kinds = (None if "fresh" in request.args else desk().tried) or (
        services().live.view().settings,
        tuple(KINDS),
    )
    return _trial({name: f"{value:.10g}" for name, value in weights}, kinds, {})


@bp.post("/trial")
def attempt() -> Response | tuple[str, int]:
    """Begin a trial of the weights in the form."""
    serving = services().live.view().settings
    weights, problems = _weights(serving)
    kinds = tuple(kind for kind in KINDS if kind in request.form.getlist("kind"))
    if not kinds:
        problems["kind"] = "请至少选一类题目。"
    if not problems and weights == serving:
        problems[""] = "各项权重与现用的相同，请先改动至少一项。"
    status = 400
    if not problems:
        try:
            desk().attempt(weights, kinds)
            return redirect(url_for("relevance.trial"), 303)
        except Conflict as error:
            problems[""], status = error.message, error.status
    return _trial({name: request.form.get(name, "") for name, _ in serving}, kinds, problems), status


@bp.post("/measure")
def measure() -> Response:
    """Begin a measurement; one that runs already goes on."""
    with suppress(Conflict):  # the page shows what runs
        desk().measure()
    return redirect(url_for("relevance.index"), 303)


@bp.post("/stop")
def stop() -> Response:
    """Call off what runs."""
    desk().stop()
    return redirect(url_for("relevance.trial" if request.form.get("from") == "trial" else "relevance.index"), 303)


@bp.post("/adopt")
def adopt() -> Response | tuple[str, int]:
    """Have the weights in the form serve from now on."""
    serving = services().live.view().settings
    weights, problems = _weights(serving)
    if problems:
        return _trial({name: request.form.get(name, "") for name, _ in serving}, tuple(KINDS), problems), 400
    _serve(serving, weights, "settings.adopt")
    return redirect(url_for("relevance.index"), 303)


@bp.post("/reset")
def reset() -> Response:
    """Back to the weights that come with the product."""
    _serve(services().live.view().settings, settings.shipped(), "settings.reset")
    return redirect(url_for("relevance.index"), 303)


def _serve(old: Settings, new: Settings, action: str) -> None:
    """Keep the weights and write who changed what."""
    store = services().store
    detail = "；".join(f"{label} {was:.10g}→{value:.10g}" for label, was, value in _changed(old, new))
    with store.writing():
        store.audit(actor=actor().name, action=action, target=settings.NAME, detail=detail or "没有改动")
        settings.save(store.folder, new)


def _weights(serving: Settings) -> tuple[Settings, dict[str, str]]:
    """The weights of the form, and by field what is wrong with them; a field that is missing keeps its weight."""
    found, problems = serving, {}
    for name, usual in serving:
        try:
            found = found.changed({name: float(request.form.get(name, usual))})
        except (ValueError, BadInput):
            problems[name] = f"“{_label(name)}”须为 0 到 {MOST:g} 之间的数，请修改。"
    return found, problems


def _trial(values: dict[str, str], kinds: Sequence[str], problems: dict[str, str]) -> str:
    """The page of trials with these contents of its form."""
    run = desk().run
    view, last = services().live.view(), desk().trial
    changes = relevance.compare(last.before, last.after) if last else []
    shown = changes[:SHOWN]
    keys = {key for change in shown for key in (*change.gained, *change.lost)}
    sections: dict[str, list[str]] = {}
    for name, _ in view.settings:
        sections.setdefault(name.partition(".")[0], []).append(name)
    return render_template(
        "relevance_trial.html",
        run=run,
        trouble=desk().trouble or _damage(),
        trial=last,
        changes=shown,
        more=len(changes) - len(shown),
        changed=_changed(last.base, last.weights) if last else [],
        fresh=last is not None and (last.base, last.generation) == (view.settings, view.generation),
        names=relevance.documents(services().store, keys, relevance.FOLDER),
        grades=relevance.judgements(relevance.FOLDER),
        grade_names=GRADES,
        sections=sections,
        section_names=SECTIONS,
        labels={name: LABELS.get(name, (name, "")) for name, _ in view.settings},
        serving=dict(view.settings),
        shipped=dict(settings.shipped()),
        own=_own(view.settings),
        values=values,
        chosen=kinds,
        kinds=KINDS,
        problems=problems,
        most=f"{MOST:g}",
    )


def _label(name: str) -> str:
    """What a weight is called outside of its section."""
    return f"{SECTIONS[name.partition('.')[0]]}·{LABELS[name][0]}" if name in LABELS else name


def _changed(old: Settings, new: Settings) -> list[tuple[str, float, float]]:
    """What differs between two sets of weights, in words: which, from, to."""
    was = dict(old)
    return [(_label(name), was[name], value) for name, value in new if value != was[name]]


def _local(at: str) -> str:
    """A stored time on the clock of this machine, to the minute."""
    return f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"


def _damage() -> str:
    """Why the weights in the data folder do not serve, if they do not."""
    try:
        settings.load(services().store.folder)
    except BadInput as error:
        return f"{error.message}目前仍用此前的权重。"
    return ""


def _own(serving: Settings) -> list[tuple[str, float, float]]:
    """Where the weights that serve are not those of the product."""
    return _changed(settings.shipped(), serving)
