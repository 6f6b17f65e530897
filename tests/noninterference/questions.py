"""What is asked of every endpoint, with everything in it that could find a restricted record."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from corpus.indicators import indicator_id
from corpus.model import CATEGORIES
from indexer import relevance
from indexer.pinyin import Pinyin

from .library import BEASTS, LATE_USE, OPEN_USES, OWNERS, PASSWORD, SEALED_USES, WORDS, Library
from .world import Ask

PAGE = {"X-CSRF-Token": "test-token"}
SECRET = "kX9mKqgVfWmJ3Qj7bq0Zs5TtXyYw2LhE"  # noqa: S105
NOWHERE = "ffffffffff"
pinyin = Pinyin()


class Asker:
    """Draws questions about a library."""

    def __init__(self, library: Library, random: Random) -> None:
        self.library = library
        self.random = random

    # Parts of questions

    def word(self) -> str:
        """A word, most of them of restricted records: whole, cut, quoted, misspelt, by sound, as a code or an id."""
        r, i = self.random, self.record()
        text = r.choice((
            i.name, i.name, i.name[: r.randint(1, 6)], i.name[-3:], r.choice(BEASTS), r.choice(BEASTS), r.choice(WORDS),
            i.unit, i.owner, i.use.use if i.use else i.theme, i.use.domain if i.use else "共性", i.keywords[0],
            i.definition[:12], i.code, i.code[:4], i.id, "暗号甲", "暗号乙", "乡下的路", "好评", "", "的", "😀", "“",
            "总则", "楚政发〔2024〕2号",
        ))  # fmt: skip
        twist = r.random()
        if twist < 0.12:
            return f"“{text}”"
        if twist < 0.24:
            return pinyin(text)[r.randint(0, 1)] or text
        if twist < 0.3:
            spelt = pinyin(text)[0]
            return spelt[: max(2, len(spelt) // 2)]
        if twist < 0.42 and text:
            at = r.randrange(len(text))
            return text[:at] + r.choice("武舞雀确麟林路陆率律") + text[at + 1 :]
        return text

    def text(self) -> str:
        return " ".join(self.word() for _ in range(self.random.choice((1, 1, 1, 2, 3))))[:100]

    def record(self) -> Any:
        r = self.random
        return (
            r.choice(self.library.sealed or self.library.records)
            if r.random() < 0.6
            else r.choice(self.library.records)
        )

    def id(self) -> str:
        i = self.record()
        return self.random.choice((i.id, i.id, i.id, i.code, i.replaced_by or i.id, NOWHERE, indicator_id(i.name)))

    def use(self) -> str:
        uses = (*OPEN_USES, *SEALED_USES, LATE_USE)
        return self.random.choice((*(u.use for u in uses), "没有这个用途"))

    def facet(self) -> tuple[str, str]:
        i = self.record()
        return self.random.choice((
            ("unit", i.unit), ("owner", i.owner), ("owner", self.random.choice(OWNERS)), ("use", self.use()),
            ("domain", i.use.domain if i.use else "无"), ("industry", i.use.industry if i.use else "无"),
            ("theme", i.theme or "囚牛主题"), ("level2", i.category.level2), ("level1", i.category.level1),
            ("kind", i.kind.value),
        ))  # fmt: skip

    def draft(self) -> dict[str, Any]:
        r = self.random
        goal = "，".join(
            f"{self.word()[:40]}{r.randint(1, 99)}{r.choice(('公里', '趟', '架次', '%', ''))}" for _ in range(3)
        )
        return {
            "project": r.choice((self.word()[:40], f"{self.word()[:20]}项目", "")),
            "goal": r.choice((goal, goal, "")),
        }

    def row(self) -> dict[str, str]:
        """A row of a goal table that is called like a record, or nearly."""
        i, r = self.record(), self.random
        c = r.choice((i.category, r.choice(CATEGORIES)))
        return {
            "level1": c.level1, "level2": c.level2, "name": r.choice((i.name, i.name[:-1] + "数", self.word()))[:60],
            "operator": i.operator.value, "value": r.choice((i.reference, "1")), "unit": i.unit,
        }  # fmt: skip

    # Endpoints

    def list_indicators(self) -> Ask:
        r = self.random
        query: dict[str, Any] = {"q": self.text()}
        for _ in range(r.choice((0, 0, 1, 2))):
            name, value = self.facet()
            query.setdefault(name, []).append(value)
        query |= r.choice(
            ({}, {}, {"page": r.randint(1, 4), "size": r.choice((1, 3, 20))}, {"page": 10**9}, {"x": "1"})
        )
        query |= r.choice(({}, {"sort": r.choice(("score", "code", "name", "-updated", "nope"))}))
        return Ask("", "GET", "/api/v1/indicators", query)

    def complete(self) -> Ask:
        return Ask("", "GET", "/api/v1/complete", {"q": self.word(), "limit": self.random.choice((1, 10, 50))})

    def suggest(self) -> Ask:
        r, body = self.random, self.draft()
        body |= r.choice(({}, {"use": self.use()}, {"chosen": [self.id() for _ in range(3)]}, {"limit": 60}))
        return Ask("", "POST", "/api/v1/suggest", json=body)

    def review(self) -> Ask:
        return Ask("", "POST", "/api/v1/review", json=self.draft() | {"rows": [self.row() for _ in range(5)]})

    def choose(self) -> Ask:
        chosen = [self.id() for _ in range(self.random.choice((0, 0, 2)))]
        body = {"use": self.use(), "id": self.id(), "chosen": chosen}
        return Ask("", "POST", "/api/v1/choices", json=body, headers=PAGE, changes=True)

    def forget(self) -> Ask:
        query = {"use": self.use()}
        return Ask("", "DELETE", "/api/v1/choices", query, headers=PAGE, changes=True)

    def library_page(self) -> Ask:
        asked = self.list_indicators()
        return Ask("", "GET", "/", {k: v for k, v in asked.query.items() if k != "size"})

    def draft_page(self) -> Ask:
        return Ask("", "GET", "/draft", {"chosen": [self.id() for _ in range(4)]})

    def draft_suggestions(self) -> Ask:
        r = self.random
        form: dict[str, Any] = self.draft() | {"chosen": [self.id() for _ in range(r.choice((0, 3)))]}
        form |= r.choice(({}, {"use": self.use()}, {"budget": "12"}))
        return Ask("", "POST", "/draft/suggestions", form=form, headers=PAGE)

    def table(self) -> Ask:
        row = self.row()
        return Ask("", "POST", "/draft/table.csv", form=row, headers=PAGE)

    def shelf_page(self) -> Ask:
        filters = self.random.choice(({}, {"policy": self.policy()}, {"issuer": f"{self.random.choice(BEASTS)}楚雄州"}))
        return Ask("", "GET", "/policies", {"q": self.random.choice((self.word(), ""))} | filters)

    def policy(self) -> str:
        return self.random.choice((*(d.policy.id for d in self.library.documents), "p9999999999"))

    def sign_in(self) -> Ask:
        name, password = self.random.choice((("roads", PASSWORD), ("roads", "wrong"), ("nobody", "x")))
        form = {"name": name, "password": password, "next": "/"}
        return Ask("", "POST", "/sign-in", form=form, headers=PAGE, changes=True)

    def own(self, path: str, **form: str) -> Ask:
        """Something about the own account."""
        return Ask("", "POST", path, form={"label": "", **form}, headers=PAGE, changes=True)

    def audited(self) -> dict[str, Any]:
        r, i = self.random, self.record()
        return r.choice(
            ({}, {"text": r.choice((i.name, i.id, self.word(), "import"))}, {"action": "import"}, {"action": "see"})
        )

    def weights(self) -> dict[str, str]:
        return {"query.part": str(self.random.choice((0.2, 0.5)))}

    def question(self) -> str:
        return self.random.choice(relevance.questions()).id


def _get(path: str, query: Callable[[Asker], dict[str, Any]] = lambda _: {}) -> Callable[[Asker], Ask]:
    return lambda a: Ask("", "GET", path, query(a))


def _post(path: str) -> Callable[[Asker], Ask]:
    return lambda a: Ask("", "POST", path, form=a.weights(), headers=PAGE, changes=True)


def _own(path: str) -> Callable[[Asker], Ask]:
    return lambda a: a.own(path)


# By endpoint and method: how a question is drawn, and how often beside the others. A new endpoint needs a line.
QUESTIONS: dict[tuple[str, str], tuple[Callable[[Asker], Ask], int]] = {
    ("static", "GET"): (_get("/static/app.css"), 1),
    ("api.list_indicators", "GET"): (Asker.list_indicators, 16),
    ("api.get_indicator", "GET"): (lambda a: Ask("", "GET", f"/api/v1/indicators/{a.id()}"), 8),
    ("api.complete", "GET"): (Asker.complete, 10),
    ("api.post_suggest", "POST"): (Asker.suggest, 8),
    ("api.post_review", "POST"): (Asker.review, 6),
    ("api.post_choice", "POST"): (Asker.choose, 5),
    ("api.delete_choices", "DELETE"): (Asker.forget, 1),
    ("api.list_policies", "GET"): (_get("/api/v1/policies", lambda a: {"q": a.text()}), 5),
    ("api.get_policy", "GET"): (lambda a: Ask("", "GET", f"/api/v1/policies/{a.policy()}"), 4),
    ("api.list_experts", "GET"): (_get("/api/v1/experts", lambda a: {"q": a.random.choice(("公路", a.word()))}), 2),
    ("api.taxonomy", "GET"): (_get("/api/v1/taxonomy"), 2),
    ("api.describe", "GET"): (_get("/api/v1/openapi.json"), 1),
    ("api.healthz", "GET"): (_get("/api/v1/healthz"), 1),
    ("api.docs", "GET"): (_get("/api/docs"), 1),
    ("library.index", "GET"): (Asker.library_page, 6),
    ("library.indicator", "GET"): (lambda a: Ask("", "GET", f"/indicators/{a.id()}"), 8),
    ("drafts.index", "GET"): (Asker.draft_page, 3),
    ("drafts.suggestions", "POST"): (Asker.draft_suggestions, 5),
    ("drafts.table", "POST"): (Asker.table, 1),
    ("policies.index", "GET"): (Asker.shelf_page, 4),
    ("policies.reader", "GET"): (lambda a: Ask("", "GET", f"/policies/{a.policy()}"), 4),
    ("account.sign_in", "GET"): (_get("/sign-in", lambda a: {"next": f"/indicators/{a.id()}"}), 1),
    ("account.signed_in", "POST"): (Asker.sign_in, 1),
    ("account.sign_out", "POST"): (lambda a: a.own("/sign-out"), 1),
    ("account.left", "GET"): (_get("/signed-out"), 1),
    ("account.account", "GET"): (_get("/account"), 2),
    ("account.end_session", "POST"): (lambda a: a.own(f"/account/sessions/{a.id()}/end"), 1),
    ("account.end_sessions", "POST"): (lambda a: a.own("/account/sessions/end"), 1),
    ("account.make_token", "POST"): (lambda a: a.own("/account/tokens", days="1"), 1),
    ("account.revoke_token", "POST"): (lambda a: a.own(f"/account/tokens/{a.id()}/revoke"), 1),
    ("account.password", "GET"): (_get("/account/password"), 1),
    ("account.change_password", "POST"): (lambda a: a.own("/account/password", password="short", again="short"), 1),
    ("account.enter", "GET"): (_get(f"/enter/{SECRET}"), 1),
    ("account.entered", "POST"): (lambda a: a.own(f"/enter/{SECRET}"), 1),
    ("account.experts", "GET"): (_get("/experts", lambda a: {"q": a.word()}), 1),
    ("account.help", "GET"): (_get("/help"), 1),
    ("relevance.index", "GET"): (_get("/relevance"), 1),
    ("relevance.questions", "GET"): (_get("/relevance/questions", lambda a: {"q": a.word()}), 1),
    ("relevance.question", "GET"): (lambda a: Ask("", "GET", f"/relevance/questions/{a.question()}"), 1),
    ("relevance.trial", "GET"): (_get("/relevance/trial"), 1),
    # What is written in the audit is told by the records as they are now: test_http asks before they change.
    ("api.list_audit", "GET"): (_get("/api/v1/audit", Asker.audited), 0),
    ("audit.index", "GET"): (_get("/audit", Asker.audited), 0),
    ("audit.table", "GET"): (lambda a: Ask("", "GET", "/audit/audit.csv", a.audited(), changes=True), 0),
    ("people.index", "GET"): (_get("/people", lambda a: {"q": a.word()}), 1),
    ("people.person", "GET"): (_get("/people/account/roads"), 1),
    ("people.why", "GET"): (_get("/people/why", lambda a: {"name": "roads", "record": a.id()}), 2),
    ("people.add", "POST"): (lambda a: a.own("/people", name="a b", role="department", unit=a.record().owner), 1),
    **{
        (f"people.{name}", "POST"): (_own(f"/people/account/nobody{path}"), 1)
        for name, path in {
            "edit": "",
            "link": "/link",
            "disable": "/disable",
            "enable": "/enable",
            "unlock": "/unlock",
            "end_sessions": "/sessions/end",
            "revoke": "/tokens/0123456789/revoke",
        }.items()
    },
    # These start work behind the answer, or change how everybody is answered: test_desk awaits them in order.
    ("relevance.attempt", "POST"): (_post("/relevance/trial"), 0),
    ("relevance.measure", "POST"): (_post("/relevance/measure"), 0),
    ("relevance.stop", "POST"): (_post("/relevance/stop"), 0),
    ("relevance.adopt", "POST"): (_post("/relevance/adopt"), 0),
    ("relevance.reset", "POST"): (_post("/relevance/reset"), 0),
}


def question(asker: Asker, endpoint: str, method: str) -> Ask:
    """A question for an endpoint."""
    drawn = QUESTIONS[endpoint, method][0](asker)
    return Ask(endpoint, method, drawn.path, drawn.query, drawn.json, drawn.form, drawn.headers, drawn.changes)


def some(asker: Asker, count: int) -> list[Ask]:
    """Questions for endpoints drawn by their weight."""
    keys = list(QUESTIONS)
    drawn = asker.random.choices(keys, [QUESTIONS[key][1] for key in keys], k=count)
    return [question(asker, *key) for key in drawn]


def each(asker: Asker) -> list[Ask]:
    """One question for every endpoint that may be asked at any time."""
    return [question(asker, *key) for key, (_, weight) in QUESTIONS.items() if weight]
