"""The shipped library as plain files, and how it gets into a store.

It is reference data written for this product; the example values are examples, the experts are made up.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from corpus import experts, imports, indicators, policies, words
from corpus.errors import NotReady
from corpus.model import Owner, Use
from corpus.policies import Parsed
from corpus.readers.tables import Row
from corpus.store import Store
from corpus.words import Synonym, SynonymType

FOLDER = Path(__file__).parent
ORIGIN = "参考库（示例数据）"

Progress = Callable[[str], None]


def table(path: Path) -> list[dict[str, str]]:
    """The rows of one of our own TSV files by header; a missing file has none."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def uses() -> list[Use]:
    """The taxonomy: 18 domains, 91 industries, 183 uses."""
    return [Use(r["use_code"], r["domain"], r["industry"], r["use"]) for r in table(FOLDER / "taxonomy.tsv")]


def rows() -> Iterator[Row]:
    """The indicator files as import rows: scoring keys written out, uses named by the file they stand in."""
    scoring = {r["key"]: r["rule"] for r in table(FOLDER / "scoring.tsv")}
    by_code = {u.code: u for u in uses()}
    for path in sorted((FOLDER / "indicators").rglob("*.tsv")):
        use = by_code.get(path.stem)
        for line, cells in enumerate(table(path), 2):
            cells["scoring"] = scoring.get(cells["scoring"], cells["scoring"])
            if use:
                cells |= {"domain": use.domain, "industry": use.industry, "use": use.use}
            yield Row(path.name, line, cells)


def digests() -> list[Parsed]:
    """Policy digests and handbook articles in our own words, catalogued in ``policies.tsv``; their basis is said."""
    found = []
    for r in table(FOLDER / "policies.tsv"):
        parsed = policies.parse(FOLDER / "policies" / r["file"])
        policy = replace(
            parsed.policy,
            title=r["title"],
            number=r["number"],
            issuer=r["issuer"],
            year=int(r["year"]) if r["year"] else None,
            theme=r["theme"],
            status=r["status"],
            basis=r["basis"],
            source=ORIGIN,
        )
        found.append(replace(parsed, policy=policy))
    return found


def load(store: Store, progress: Progress = lambda _: None) -> None:
    """Put the whole reference library into ``store``, or nothing of it.

    Raises NotReady when a shipped file is damaged.
    """
    with store.writing():
        progress("载入分类与预算单位")
        indicators.add_taxonomy(
            store,
            uses(),
            [Owner(r["name"], r["kind"], r["domain"]) for r in table(FOLDER / "owners.tsv")],
            declared=True,
        )
        progress("校验指标")
        plan = imports.plan(store, rows(), origin=ORIGIN)
        if plan.problems:
            raise NotReady(f"随附的参考库有误（{plan.problems[0]}），请重新安装。")
        progress(f"写入 {len(plan.new)} 条指标")
        imports.apply(store, plan, actor="", source=ORIGIN)
        words.put(
            store,
            [
                Synonym(r["term"], variant, SynonymType(r["type"]))
                for r in table(FOLDER / "synonyms.tsv")
                for variant in r["variants"].split("、")
            ],
            [r["term"] for r in table(FOLDER / "lexicon.tsv")],
        )
        policies.put(store, digests(), actor="")
        pool, problems = experts.read(Row("experts.tsv", n, r) for n, r in enumerate(table(FOLDER / "experts.tsv"), 2))
        if problems:
            raise NotReady(f"随附的专家名单有误（{problems[0]}），请重新安装。")
        if pool:
            experts.put(store, [replace(e, sample=True) for e in pool], actor="", detail=ORIGIN)
