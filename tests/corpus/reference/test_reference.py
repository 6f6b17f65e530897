"""The shipped library, held to what a reader of it may expect."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from rapidfuzz import fuzz

from corpus import imports, indicators, maintenance, reference, words
from corpus.access import PUBLIC
from corpus.errors import NotReady
from corpus.indicators import RESTRICTED_SERIAL
from corpus.model import Indicator, Kind, Operator, Status, Visibility
from corpus.reference import FOLDER, table
from corpus.store import Store
from corpus.words import SynonymType

FILES = sorted((FOLDER / "indicators").rglob("*.tsv"))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store.create(tmp_path_factory.mktemp("reference"))
    reference.load(store)
    yield store
    store.close()


@pytest.fixture(scope="module")
def library(shipped: Store) -> list[Indicator]:
    return list(indicators.everything(shipped))


@pytest.fixture(scope="module")
def by_use(library: list[Indicator]) -> dict[str, list[Indicator]]:
    found: dict[str, list[Indicator]] = defaultdict(list)
    for i in library:
        found[i.use.code if i.use else ""].append(i)
    return found


def listed(found: list[Indicator]) -> list[str]:
    return [f"{i.code} {i.name} {i.target}" for i in found]


# As an import


def test_the_import_code_finds_no_problem(store: Store) -> None:
    plan = imports.plan(store, reference.rows(), origin=reference.ORIGIN)
    assert [str(p) for p in plan.problems] == []
    assert (plan.changed, plan.same) == ([], [])


def test_loading_it_again_changes_nothing(shipped: Store) -> None:
    plan = imports.plan(shipped, reference.rows(), origin=reference.ORIGIN)
    assert (plan.new, plan.changed, plan.problems, plan.uses, plan.owners) == ([], [], [], [], [])
    assert len(plan.same) == maintenance.counts(shipped)["indicators"]


def test_a_damaged_file_loads_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "reference"
    (folder / "indicators").mkdir(parents=True)
    for name in ("taxonomy.tsv", "owners.tsv", "scoring.tsv"):
        (folder / name).write_bytes((FOLDER / name).read_bytes())
    common = (FOLDER / "indicators" / "common.tsv").read_text(encoding="utf-8").splitlines()[:3]
    (folder / "indicators" / "common.tsv").write_text("\n".join([*common[:2], common[2].replace("≥", "约")]), "utf-8")
    monkeypatch.setattr(reference, "FOLDER", folder)
    before = list(store.db.conn.iterdump())
    with pytest.raises(NotReady) as caught:
        reference.load(store)
    assert caught.value.message == (
        "随附的参考库有误（工作表“common.tsv”第 3 行，计算符号：“约”不是计算符号，"
        "请改为 ≥、≤、=、>、< 或 定性。），请重新安装。"
    )
    assert list(store.db.conn.iterdump()) == before


# The indicators


def test_counts_by_kind_and_visibility(library: list[Indicator]) -> None:
    assert Counter((i.kind, i.visibility) for i in library) == {
        (Kind.COMMON, Visibility.PUBLIC): 179,
        (Kind.SPECIFIC, Visibility.PUBLIC): 6991,
        (Kind.SPECIFIC, Visibility.RESTRICTED): 1285,
    }
    assert {(i.status, i.revision, i.origin) for i in library} == {(Status.ACTIVE, 1, "参考库（示例数据）")}


def test_every_use_is_covered_alike(by_use: dict[str, list[Indicator]]) -> None:
    uses = reference.uses()
    assert [(u.code, len(by_use[u.code])) for u in uses if not 43 <= len(by_use[u.code]) <= 47] == []
    lacking = [
        (u.code, level1)
        for u in uses
        for level1 in ("产出指标", "成本指标", "效益指标", "满意度指标")
        if not any(i.category.level1 == level1 for i in by_use[u.code])
    ]
    assert lacking == []


def test_no_row_of_a_file_was_lost(library: list[Indicator]) -> None:
    rows = {path.stem: len(path.read_text(encoding="utf-8").splitlines()) - 1 for path in FILES}
    assert Counter(i.use.code if i.use else "common" for i in library) == rows


def test_files_are_square() -> None:
    """A cell too many or too few would move every cell behind it into the wrong column."""
    bad = []
    for path in [*FILES, *FOLDER.glob("*.tsv")]:
        lines = path.read_text(encoding="utf-8").split("\n")
        assert lines.pop() == "", path
        widths = {line.count("\t") for line in lines}
        if len(widths) != 1 or any(c.strip() != c for line in lines for c in line.split("\t")):
            bad.append((path.name, widths))
    assert bad == []


def test_names_are_of_readable_length(library: list[Indicator]) -> None:
    assert [i.name for i in library if not 4 <= len(i.name) <= 20] == []


def test_no_name_is_nearly_another_of_its_use_and_category(library: list[Indicator]) -> None:
    together: dict[tuple[str, str], list[str]] = defaultdict(list)
    for i in library:
        together[i.use.code if i.use else i.theme, i.category.code].append(i.name)
    pairs = [pair for names in together.values() for pair in combinations(names, 2)]
    assert [pair for pair in pairs if fuzz.token_set_ratio(*pair) >= 92] == []
    assert len(pairs) > 5_000


def test_few_specific_names_repeat_across_uses(library: list[Indicator]) -> None:
    specific = [i.name for i in library if i.use]
    repeated = sum(n for n in Counter(specific).values() if n > 1)
    assert repeated <= 0.02 * len(specific)


def test_names_of_a_use_do_not_sound_alike(by_use: dict[str, list[Indicator]]) -> None:
    bad = {}
    for use, found in by_use.items():
        endings = Counter(i.name[-3:] for i in found if not i.name.endswith("满意度"))
        ending, times = endings.most_common(1)[0]
        if times > 0.25 * len(found):
            bad[use] = (ending, times)
    assert bad == {}


def test_every_rate_has_a_formula(library: list[Indicator]) -> None:
    rates = [i for i in library if i.unit in ("%", "‰") or i.name.endswith("率")]
    assert listed([i for i in rates if not i.formula]) == []
    assert len(rates) > 1000


REVERSE = re.compile(
    "(?:死亡|发病|感染|病死|发生|差错|投诉|事故|返工|退货|流失|辍学|漏损|破损|空置|闲置|逾期|超支|误报|故障|违规|违约)率$"
    "|(?:事故|投诉|差错|死亡|违规)(?:数|次数|起数|件数|人数|量)$|(?:耗时|时长上限|等候时间|响应时间|等待时间)$"
)


def test_reverse_measures_ask_for_at_most(library: list[Indicator]) -> None:
    """A cost, an accident rate or a waiting time is not better the more there is of it."""
    reverse = [i for i in library if i.category.level1 == "成本指标" or REVERSE.search(i.name)]
    assert listed([i for i in reverse if i.operator not in (Operator.AT_MOST, Operator.EQUAL)]) == []
    assert len(reverse) > 200
    assert len([i for i in reverse if i.category.level1 != "成本指标"]) > 20


def test_scoring_fits_the_direction(library: list[Indicator]) -> None:
    up = [i for i in library if i.operator is Operator.AT_LEAST]
    assert listed([i for i in up if i.scoring.startswith(("不高于", "未发生"))]) == []
    assert sorted({i.scoring for i in library} & {r["key"] for r in table(FOLDER / "scoring.tsv")}) == []


def test_every_record_is_complete(library: list[Indicator]) -> None:
    missing = [
        (i.code, field)
        for i in library
        for field in ("name", "definition", "scoring", "evidence", "keywords", "owner", "reference_kind")
        if not getattr(i, field)
    ]
    assert missing == []
    assert listed([i for i in library if i.operator is not Operator.QUALITATIVE and not (i.reference and i.unit)]) == []
    assert [i.code for i in library if (i.visibility is Visibility.RESTRICTED) != bool(i.restricted_reason)] == []


def test_every_percentage_is_possible(library: list[Indicator]) -> None:
    """A growth rate may pass 100 %; a share or a rate of satisfaction may not."""
    shares = [i for i in library if i.unit == "%" and i.category.code in ("22", "41") and "增" not in i.name]
    assert listed([i for i in shares if i.reference and not 0 <= float(i.reference) <= 100]) == []
    assert len(shares) > 300


def test_codes_are_unique_and_of_the_right_series(library: list[Indicator]) -> None:
    def right(i: Indicator) -> bool:
        if not re.fullmatch(r"\d{7}", i.code) or i.code[:2] != i.category.code:
            return False
        return (int(i.code[2:]) > RESTRICTED_SERIAL) == (i.visibility is Visibility.RESTRICTED)

    assert listed([i for i in library if not right(i)]) == []
    assert (len({i.code for i in library}), len({i.id for i in library})) == (len(library), len(library))


def test_public_codes_run_without_a_gap(shipped: Store) -> None:
    series: dict[str, list[int]] = defaultdict(list)
    for i in indicators.export(shipped, PUBLIC, edition="open"):
        series[i.code[:2]].append(int(i.code[2:]))
    assert {key: serials == list(range(1, len(serials) + 1)) for key, serials in series.items()} == dict.fromkeys(
        series, True
    )


def test_every_common_indicator_has_a_theme_and_no_specific_one(library: list[Indicator]) -> None:
    assert [i.code for i in library if (i.kind is Kind.COMMON) != bool(i.theme)] == []


# The taxonomy and the owners


def test_taxonomy(shipped: Store) -> None:
    uses = reference.uses()
    assert indicators.uses(shipped) == uses
    assert (
        len({u.domain for u in uses}), len({u.domain_code for u in uses}), len({(u.domain, u.industry) for u in uses}),
        len({u.industry_code for u in uses}), len({u.code for u in uses}), len(uses),
    ) == (18, 18, 91, 91, 183, 183)  # fmt: skip
    assert len({(u.domain_code, u.domain, u.industry_code, u.industry, u.use) for u in uses}) == 183
    rows = table(FOLDER / "taxonomy.tsv")
    assert [r for r in rows if r["use_code"][:5] != r["industry_code"] or r["use_code"][:3] != r["domain_code"]] == []
    assert {path.stem for path in FILES} - {u.code for u in uses} == {"common"}


def test_owners(shipped: Store, library: list[Indicator]) -> None:
    owners = indicators.owners(shipped)
    assert Counter(o.kind for o in owners) == {"州级": 87, "省级直管": 4, "中央垂管": 1}
    assert len({o.name for o in owners}) == 92
    assert {o.domain for o in owners} <= {u.domain for u in reference.uses()}
    assert {i.owner for i in library} <= {o.name for o in owners}


# The words


def test_synonyms_are_well_formed(shipped: Store) -> None:
    rows = table(FOLDER / "synonyms.tsv")
    assert {r["type"] for r in rows} <= {t.value for t in SynonymType}
    assert Counter((r["term"], r["type"]) for r in rows).most_common(1)[0][1] == 1
    pairs = [(r["term"], v) for r in rows for v in r["variants"].split("、")]
    assert [pair for pair in pairs if pair[0] == pair[1] or not all(pair) or pair[1].strip() != pair[1]] == []
    assert [pair for pair, times in Counter(pairs).items() if times > 1] == []
    assert sorted((s.term, s.variant) for s in words.synonyms(shipped)) == sorted(pairs)
    assert len(pairs) > 1000


def test_lexicon_is_well_formed(shipped: Store) -> None:
    terms = [r["term"] for r in table(FOLDER / "lexicon.tsv")]
    assert [t for t in terms if not 2 <= len(t) <= 20 or re.search(r"\s", t)] == []
    assert [t for t, times in Counter(terms).items() if times > 1] == []
    assert words.lexicon(shipped) == sorted(terms)
    assert len(terms) > 1000


def test_no_restricted_name_stands_among_the_words(library: list[Indicator]) -> None:
    """The words are served to everybody, in completion too."""
    kept = {r["term"] for r in table(FOLDER / "lexicon.tsv")}
    kept |= {w for r in table(FOLDER / "synonyms.tsv") for w in (r["term"], *r["variants"].split("、"))}
    public = {i.name for i in library if i.visibility is Visibility.PUBLIC}
    restricted = {i.name for i in library if i.visibility is Visibility.RESTRICTED}
    assert sorted((restricted - public) & kept) == []
    assert len(restricted - public) > 100


# The experts


def test_experts_are_made_up_and_say_so(shipped: Store) -> None:
    rows = table(FOLDER / "experts.tsv")
    assert [r["name"] for r in rows] == [f"示例专家{n:03d}" for n in range(1, 180)]
    assert [r for r in rows if r["kind"] not in ("绩效领域", "行业领域") or not all(r.values())] == []
    assert shipped.rows("select count(*) as n, sum(sample) as samples, count(distinct id) as ids from experts") == [
        {"n": 179, "samples": 179, "ids": 179}
    ]


# Whole


def test_counts_as_doctor_gives_them(shipped: Store) -> None:
    counts = maintenance.counts(shipped)
    lexicon = len(table(FOLDER / "lexicon.tsv"))
    terms = len({r["term"] for r in table(FOLDER / "synonyms.tsv")})
    assert counts == {
        "indicators": 8455, "common": 179, "specific": 8276, "specific_public": 6991, "specific_restricted": 1285,
        "domains": 18, "industries": 91, "uses": 183, "owners": 92, "experts": 179,
        "policies": len(table(FOLDER / "policies.tsv")), "passages": shipped.value("select count(*) from passages"),
        "synonyms": terms, "lexicon": lexicon,
    }  # fmt: skip
    assert [c.ok for c in maintenance.check(shipped)] == [True] * 4


def test_doctor_describes_the_library_in_the_words_of_the_reports(shipped: Store) -> None:
    said = maintenance.described(shipped, maintenance.counts(shipped))
    assert said[:3] == [
        "指标 8455 条：共性 179 条，个性 8276 条（可公开 6991 条，不可公开 1285 条）",
        "分类：18 个领域，91 个行业，183 个用途",
        "预算单位 92 家，中央垂管 1 家，州级 87 家，省级直管 4 家",
    ]
    assert "　交通运输：8 个用途，360 条（不可公开 33 条）" in said


def test_a_missing_file_has_no_rows() -> None:
    assert table(FOLDER / "none.tsv") == []
