"""Plans are pure and are compared whole."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import BadInput
from corpus.text import normalise
from corpus.words import Synonym, SynonymType
from indexer import query, settings
from indexer.analysis import Analyzer
from indexer.engine import Plan, Term, Unit
from indexer.query import Thesaurus, Vocabulary

SYNONYMS = (
    Synonym("验收合格率", "达标率", SynonymType.SAME),
    Synonym("农村公路", "农路", SynonymType.ABBREVIATION),
    Synonym("养护", "修修补补", SynonymType.COLLOQUIAL),
    Synonym("培训", "轮训", SynonymType.NARROWER),
    Synonym("会议", "轮训", SynonymType.COLLOQUIAL),
)


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(["农村公路", "验收合格率", "弯沉值"])


@pytest.fixture(scope="module")
def thesaurus() -> Thesaurus:
    return Thesaurus.of(SYNONYMS)


@pytest.fixture(scope="module")
def vocabulary(analyzer: Analyzer, thesaurus: Thesaurus) -> Vocabulary:
    return Vocabulary(analyzer, thesaurus, settings.shipped())


PART_WEIGHT = settings.shipped().query.part


def word(text: str, *parts: str) -> Unit:
    return Unit(text, (Term(text),), tuple(Term(p, PART_WEIGHT) for p in parts))


def one(character: str) -> Unit:
    return Unit(character, (Term(character), Term(character, 0.8, group="chars")))


def synonym(text: str, weight: float, typed: str, how: str) -> Term:
    return Term(text, weight, reason=f"“{typed}”的{how}", like=typed)


MILEAGE, BRIDGE, PASS = word("里程"), word("桥梁"), word("弯沉值", "弯沉")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Plan()),
        (" \t\u3000\n", Plan()),
        ("里程", Plan((MILEAGE,), (), 1)),
        ("里程 桥梁", Plan((MILEAGE, BRIDGE), (), 2)),
        ("里程，桥梁！里程", Plan((MILEAGE, BRIDGE), (), 2)),
        ("桥樑", Plan((BRIDGE,), (), 1)),
        ("里程的桥梁", Plan((MILEAGE, BRIDGE), (), 2)),
        ("里程 桥梁 水库 泵站", Plan((MILEAGE, BRIDGE, word("水库"), word("泵站")), (), 3)),
        ("农村公路", Plan((Unit("农村公路", (Term("农村公路"), synonym("农路", 0.9, "农村公路", "全称或简称")),
                              (Term("农村", PART_WEIGHT), Term("公路", PART_WEIGHT))),), (), 1)),
    ],
)  # fmt: skip
def test_words(vocabulary: Vocabulary, text: str, expected: Plan) -> None:
    assert query.plan(text, vocabulary) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("路", Plan((one("路"),), (), 1)),
        ("花 路", Plan((one("花"), one("路")), (), 2)),
        ("a", Plan((word("a"),), (), 1)),
        ("%", Plan((word("%"),), (), 1)),
        # A stop word, signs: looked for as they stand; what is dropped from a longer text is not all there is.
        ("的", Plan((), (("的",),), 0)),
        ("中", Plan((), (("中",),), 0)),
        ("以及 的", Plan((), (("以", "及", "的"),), 0)),
        ("？", Plan((), (("?",),), 0)),
        ("😀", Plan((), (("😀",),), 0)),
        ("***", Plan((), (("*", "*", "*"),), 0)),
    ],
)
def test_one_character_and_nothing_but_stop_words(vocabulary: Vocabulary, text: str, expected: Plan) -> None:
    assert query.plan(text, vocabulary) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“里程”", Plan((MILEAGE,), (("里", "程"),), 0)),
        ('"里程"', Plan((MILEAGE,), (("里", "程"),), 0)),
        ("「里程」『桥梁』", Plan((MILEAGE, BRIDGE), (("里", "程"), ("桥", "梁")), 0)),
        ("“里 程”", Plan((MILEAGE,), (("里", "程"),), 0)),
        ("“里程” 桥梁", Plan((BRIDGE, MILEAGE), (("里", "程"),), 2)),
        ("“的”", Plan((), (("的",),), 0)),
        # Unbalanced or empty ones are no quotes.
        ('"里程', Plan((MILEAGE,), (), 1)),
        ("里程”", Plan((MILEAGE,), (), 1)),
        ("“里程” “桥梁", Plan((BRIDGE, MILEAGE), (("里", "程"),), 2)),
        ("“”里程", Plan((MILEAGE,), (), 1)),
        ("“ ”里程", Plan((MILEAGE,), (), 1)),
        ("“”", Plan((), (("“", "”"),), 0)),
        ('"', Plan((), (('"',),), 0)),
    ],
)
def test_quotes(vocabulary: Vocabulary, text: str, expected: Plan) -> None:
    assert query.plan(text, vocabulary) == expected


@pytest.mark.parametrize(
    "text", ["里程*", "*里程*", "里程?", "里程？", "(里程", "里程~2", "name:里程", "里程 OR", "[里程 TO", "里程\\"]
)
def test_wildcards_and_operators_are_no_language(vocabulary: Vocabulary, text: str) -> None:
    units = query.plan(text, vocabulary).units
    assert MILEAGE in units
    assert [u for u in units if u not in (MILEAGE, *map(word, ("name", "or", "to", "2")))] == []


@pytest.mark.parametrize("text", ["2100001", "２１００００１", " 2100001 "])
def test_a_code_is_looked_for_as_code_and_as_word(vocabulary: Vocabulary, text: str) -> None:
    code = Unit("2100001", (Term("2100001", group="code"), Term("2100001")))
    assert query.plan(text, vocabulary) == Plan((code,), (), 1)
    assert query.plan("210000", vocabulary) == Plan((word("210000"),), (), 1)


@pytest.mark.parametrize(
    ("typed", "unit"),
    [
        ("达标率", Unit("达标率", (Term("达标率"), synonym("验收合格率", 0.9, "达标率", "同义词")),
                       (Term("达标", PART_WEIGHT),))),
        ("农路", Unit("农路", (Term("农路"), synonym("农村公路", 0.9, "农路", "全称或简称")), ())),
        ("修修补补", Unit("修修补补", (Term("修修补补"), synonym("养护", 0.8, "修修补补", "规范说法")), ())),
        ("轮训", Unit("轮训", (Term("轮训"), synonym("培训", 0.6, "轮训", "上位词"),
                       synonym("会议", 0.8, "轮训", "规范说法")), ())),
    ],
)  # fmt: skip
def test_synonyms_of_each_type(vocabulary: Vocabulary, typed: str, unit: Unit) -> None:
    found = query.plan(f"{typed}里程", vocabulary)
    assert [u.terms for u in found.units] == [unit.terms, MILEAGE.terms]
    assert (found.units[0].label, found.literals, found.need) == (typed, (), 2)


def test_equal_names_lead_both_ways_and_others_do_not(thesaurus: Thesaurus) -> None:
    leads = {variant: [s.term for s in found] for variant, found in thesaurus.by_variant.items()}
    assert leads == {
        "达标率": ["验收合格率"], "验收合格率": ["达标率"], "农路": ["农村公路"], "农村公路": ["农路"],
        "修修补补": ["养护"], "轮训": ["培训", "会议"],
    }  # fmt: skip


def test_a_text_is_cut_at_the_longest_variant_and_nothing_is_lost() -> None:
    thesaurus = Thesaurus.of(
        [Synonym("甲", "公路", SynonymType.COLLOQUIAL), Synonym("乙", "公路养护", SynonymType.NARROWER)]
    )
    pieces = thesaurus.split("农村公路养护和公路")
    assert [(piece, [s.term for s in found]) for piece, found in pieces] == [
        ("农村", []), ("公路养护", ["乙"]), ("和", []), ("公路", ["甲"]),
    ]  # fmt: skip
    assert Thesaurus.of([]).split("公路") == [("公路", ())]


def test_how_many_words_must_be_met() -> None:
    assert [query.need(n) for n in range(11)] == [0, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7]


def test_a_long_text_is_refused_with_its_field() -> None:
    assert query.check("路" * 500) == "路" * 500
    with pytest.raises(BadInput) as caught:
        query.check("路" * 501)
    assert caught.value.as_json() == {
        "error": {"code": "bad_input", "field": "q", "message": "搜索词过长（501 字），请控制在 500 字以内。"}
    }


CHARACTERS = st.one_of(
    st.characters(),
    st.sampled_from('农村公路养护验收合格率的和“”"「」『』*?％%2100001 \t\n\x00\u200bＡａüv|()[]{}~^\\:'),
)


@given(st.text(CHARACTERS, max_size=500))
def test_any_text_gives_a_plan(vocabulary: Vocabulary, text: str) -> None:
    plan = query.plan(text, vocabulary)
    assert 0 <= plan.need <= len(plan.units)
    assert [u for u in plan.units if not u.label or not u.terms] == []
    assert [lit for lit in plan.literals if not lit or any(c.isspace() for c in lit)] == []
    assert len({u.label for u in plan.units}) == len(plan.units)
    # Only what folds to nothing asks for everything.
    assert (plan == Plan()) == (not query.fold(text))


@given(st.text(CHARACTERS, max_size=500), st.text(CHARACTERS, max_size=100))
def test_any_draft_gives_a_plan(vocabulary: Vocabulary, goal: str, project: str) -> None:
    plan = query.draft([(project, 1.5), (goal, 1.0)], vocabulary)
    assert (plan.literals, plan.need) == ((), 0)
    assert [u.label for u in plan.units if len(u.label) < 2 or u.terms[0].weight <= 0] == []


def test_a_word_said_again_counts_more_but_ever_less_so(vocabulary: Vocabulary) -> None:
    def weight(*parts: tuple[str, float]) -> float:
        (unit,) = query.draft(parts, vocabulary).units
        return unit.terms[0].weight

    once, twice, thrice = (weight(("桥梁 " * n, 1.0)) for n in (1, 2, 3))
    assert (once, weight(("桥梁", 1.5), ("桥梁", 0.5))) == (1.0, twice)
    assert 0 < thrice - twice < twice - once


# Words and how often they stand in records; 社矫 and 创贷 stand nowhere.
LEXICON = sorted(["社区矫正", "社区矫正对象", "社会保险", "创业担保贷款", "创业补贴", "社区"])


@pytest.fixture(scope="module")
def knowing(thesaurus: Thesaurus) -> Vocabulary:
    return Vocabulary(
        Analyzer(LEXICON), thesaurus, settings.shipped(), LEXICON, lambda word: 3 if word in LEXICON else 0
    )


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("社矫", ["社区矫正", "社区矫正对象"]),
        ("创贷", ["创业担保贷款"]),
        ("社矫对象", []),  # no word for each of its characters
        ("创担贷款", []),
        ("创", []),
        ("社区矫正对象们", []),
        ("社区矫正", []),  # known itself
        ("5G", []),
        ("zz", []),
    ],
)
def test_an_unknown_short_word_is_read_by_the_first_characters_of_words(
    knowing: Vocabulary, word: str, expected: list[str]
) -> None:
    assert knowing.full_forms(word) == expected


def test_a_guessed_full_form_is_a_term_that_says_so(knowing: Vocabulary) -> None:
    guess = Term("创业担保贷款", 0.6, reason="可能是“创贷”的全称")
    assert query.plan("创贷", knowing) == Plan((Unit("创贷", (Term("创贷"), guess)),), (), 1)
    off = replace(knowing, settings=knowing.settings.changed({"query.guess": 0}))
    assert [unit.terms for unit in query.plan("创贷", off).units if len(unit.terms) > 2] == []


def test_a_category_beside_other_words_asks_for_its_records(vocabulary: Vocabulary) -> None:
    aspect = Term("可持续影响", 6.0, group="category")
    asked = query.plan("可持续 桥梁", vocabulary).units
    assert [unit.terms[0] for unit in asked] == [aspect, Term("桥梁")]
    assert query.plan("可持续指标", vocabulary).units[0].terms == (Term("可持续"),)


def test_words_of_asking_say_nothing_unless_they_are_all(vocabulary: Vocabulary) -> None:
    assert query.plan("想找 桥梁 指标", vocabulary) == Plan((BRIDGE,), (), 1)
    assert query.plan("指标", vocabulary) == Plan((word("指标"),), (), 1)


def test_a_point_inside_a_figure_is_no_border(vocabulary: Vocabulary) -> None:
    assert [unit.label for unit in query.plan("PM2.5.浓度", vocabulary).units] == ["pm2.5", "浓度"]


def test_a_document_number_and_what_else_is_asked(vocabulary: Vocabulary) -> None:
    number = Unit(
        "财预〔2021〕101号",
        (Term("财预〔2021〕101号", group="code"), Term("〔2021〕101号", 0.5, group="code")),
    )
    assert query.number_plan("财预[2021]101号", vocabulary) == Plan((number,), (), 1)
    assert query.number_plan("财预2021 101 桥梁", vocabulary) == Plan((number, BRIDGE), (), 2)
    assert query.number_plan("桥梁 2021", vocabulary) is None


def test_no_weight_no_term(vocabulary: Vocabulary) -> None:
    plain = replace(
        vocabulary,
        settings=vocabulary.settings.changed({"synonyms.abbreviation": 0, "query.part": 0, "query.aspect": 0}),
    )
    assert query.plan("农路 弯沉值 满意度", plain).units[:2] == (
        Unit("农路", (Term("农路"),)),
        Unit("弯沉值", (Term("弯沉值"),)),
    )


# Variants and the words of a text


HALVES = Thesaurus.of(
    [
        Synonym("护理员", "护工", SynonymType.COLLOQUIAL),
        Synonym("最低生活保障", "低保", SynonymType.ABBREVIATION),
        Synonym("道路管护", "公路养护", SynonymType.COLLOQUIAL),
        Synonym("养老院", "老院", SynonymType.COLLOQUIAL),
    ]
)


@pytest.mark.parametrize(
    ("words", "variants"),
    [
        # The tail of one word and the head of the next; a whole word and half of its neighbour.
        (["养护", "工程"], []),
        (["农村公路", "养护"], []),
        (["公路", "养护员"], []),
        (["村公路", "养护员"], []),
        # Inside one word; several whole ones.
        (["低保户"], ["低保"]),
        (["敬老院"], ["老院"]),
        (["低保", "户"], ["低保"]),
        (["农村", "公路", "养护", "工程"], ["公路养护"]),
        (["护工"], ["护工"]),
        (["请", "护工", "养护", "工程", "护工"], ["护工", "护工"]),
    ],
)
def test_a_variant_counts_unless_it_takes_half_a_word(words: list[str], variants: list[str]) -> None:
    pieces = HALVES.split("".join(words), words)
    assert [piece for piece, found in pieces if found] == variants
    assert "".join(piece for piece, _ in pieces) == "".join(words)


def test_the_analyzer_says_which_words_there_are(analyzer: Analyzer) -> None:
    """As drafts and queries are read; without the words the half would count."""
    vocabulary = Vocabulary(analyzer, HALVES, settings.shipped())
    assert [term for unit in query.plan("养护工程", vocabulary).units for term in unit.terms if term.reason] == []
    assert [piece for piece, found in HALVES.split("养护工程") if found] == ["护工"]
    reasons = [term.reason for unit in query.plan("低保户", vocabulary).units for term in unit.terms if term.reason]
    assert reasons == ["“低保”的全称或简称"]


PIECES = st.lists(st.text("护工养程低保户公路农村a1 ", min_size=1, max_size=4), max_size=12)


@given(PIECES, PIECES)
def test_cutting_at_variants_loses_nothing(words: list[str], others: list[str]) -> None:
    """Also with the words of another text."""
    text = "".join(words)
    for known in (words, others, ()):
        pieces = HALVES.split(text, known)
        assert "".join(piece for piece, _ in pieces) == text
        assert [(p, f) for p, f in pieces if f != HALVES.by_variant.get(p, ()) and f] == []
        assert "" not in [piece for piece, _ in pieces]


# A term counts once


def test_a_term_that_several_words_lead_to_counts_once() -> None:
    homes = Thesaurus.of([Synonym("公租房", w, SynonymType.COLLOQUIAL) for w in ("廉租房", "保障房")])
    vocabulary = Vocabulary(Analyzer(["公租房", "廉租房", "保障房"]), homes, settings.shipped())
    found = query.draft([("廉租房，公租房、保障房", 1.0)], vocabulary)
    held = [term.text for unit in found.units for term in unit.terms]
    assert (len(held), {unit.label for unit in found.units}) == (len(set(held)), {"廉租房", "公租房", "保障房"})
    assert [unit.label for unit in found.units for term in unit.terms if term.text == "公租房"] == ["公租房"]
    # Without the word itself the first that leads to it has it, and says so.
    less = query.draft([("廉租房，保障房", 1.0)], vocabulary)
    assert [(unit.label, term.reason) for unit in less.units for term in unit.terms if term.text == "公租房"] == [
        ("廉租房", "“廉租房”的规范说法")
    ]


@given(
    st.lists(st.sampled_from(["农村公路", "农路", "达标率", "验收合格率", "轮训", "培训", "修修补补", "公路", "，"]))
)
def test_no_term_stands_twice_beside_the_words_themselves(vocabulary: Vocabulary, said: list[str]) -> None:
    found = query.draft([("，".join(said), 1.0)], vocabulary).units
    others = [term.text for unit in found for term in unit.terms[1:]]
    own = [unit.terms[0].text for unit in found]
    assert (len(set(others)), len(set(own)), set(own) & set(others)) == (len(others), len(own), set())


def test_words_that_every_draft_holds_count_little_however_often(vocabulary: Vocabulary) -> None:
    generic = vocabulary.settings.query.generic
    for text in ("桥梁项目", "项目项目项目，桥梁"):
        weights = {unit.label: unit.terms[0].weight for unit in query.draft([(text, 1.0)], vocabulary).units}
        assert weights == {"桥梁": 1.0, "项目": generic}


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("路 桥梁", ["路", "桥梁"]),
        ("桥", ["桥"]),
        ("a 桥梁", ["a", "桥梁"]),
        ("桥梁7", ["桥梁", "7"]),
        ("桥梁垮", ["桥梁"]),
    ],
)
def test_a_character_left_over_counts_only_when_it_was_typed_alone(
    vocabulary: Vocabulary, text: str, labels: list[str]
) -> None:
    assert [unit.label for unit in query.plan(text, vocabulary).units] == labels


# Names of projects


@pytest.mark.parametrize(
    ("project", "matter", "aside"),
    [
        ("", "", ""),
        ("农村公路养护", "农村公路养护", ""),
        # A unit and a year, in brackets of either width and of any kind.
        ("农村公路养护（某州交通运输局2024年）", "农村公路养护", "某州交通运输局2024年"),
        ("农村公路养护(某州交通运输局 2024年度)", "农村公路养护", "某州交通运输局 2024年度"),
        ("农村公路养护[某县农业农村局2023]", "农村公路养护", "某县农业农村局2023"),
        ("农村公路养护【某市第一中学】", "农村公路养护", "某市第一中学"),
        ("农村公路养护(某乡）", "农村公路养护", "某乡"),
        # Only a year.
        ("困难群众救助（2024）", "困难群众救助", "2024"),
        ("困难群众救助(2024年度)资金", "困难群众救助 资金", "2024年度"),
        ("（2024 年）", "", "2024 年"),
        # What is done.
        ("石城水库项目（小型水库水标尺制作安装）", "石城水库项目  小型水库水标尺制作安装", ""),
        ("人饮工程(管网延伸)(某市水务局2022年)", "人饮工程  管网延伸", "某市水务局2022年"),
        ("公路养护（第二批）", "公路养护  第二批", ""),
        ("设备升级（数据中心）", "设备升级 数据中心", ""),
        # Nested ones are opened from the inside; unbalanced or empty ones say nothing.
        ("甲（乙（某州公安局）丙）", "甲 乙 丙", "某州公安局"),
        ("甲（某州公安局", "甲(某州公安局", ""),
        ("某州公安局）甲", "某州公安局)甲", ""),
        ("甲（）乙", "甲  乙", ""),
        ("（（（（", "((((", ""),
        ("路" * 200, "路" * 200, ""),
        ("（某局）" * 40, "", " ".join(["某局"] * 40)),
        ("（" * 100 + "）" * 100, "(" * 95 + " " + ")" * 95, ""),
    ],
)
def test_names_of_projects(project: str, matter: str, aside: str) -> None:
    assert re.sub(" +", " ", query.matter(project)) == re.sub(" +", " ", matter)
    assert query.project_parts(project) == [(query.matter(project), query.PROJECT), (aside, query.ASIDE)]


@given(st.text(st.sampled_from("（）()[]【】〔〕某州局年2024 度公路养护安装\n\x00") | st.characters(), max_size=200))
def test_of_any_name_nothing_is_lost_but_brackets(project: str) -> None:
    (said, _), (aside, _) = query.project_parts(project)
    left = re.compile(r"[\s()（）\[\]【】]")
    assert sorted(left.sub("", said + aside)) == sorted(left.sub("", normalise(project)))


def test_a_unit_in_brackets_counts_little(vocabulary: Vocabulary) -> None:
    def weights(project: str) -> dict[str, float]:
        return {u.label: u.terms[0].weight for u in query.draft(query.project_parts(project), vocabulary).units}

    named, aside = weights("桥梁加固 水务局"), weights("桥梁加固（水务局）")
    assert named.keys() == aside.keys()
    assert aside["桥梁"] == named["桥梁"] > 1
    assert {label for label in named if aside[label] == query.ASIDE} == set(named) - {"桥梁", "加固"}


def test_beside_a_category_any_part_of_the_object_will_do(vocabulary: Vocabulary) -> None:
    asked = query.plan("可持续 农村公路", vocabulary)
    category, whole = asked.units
    assert (query.names_category(category), query.names_category(whole), len(whole.parts)) == (True, False, 2)
    any_part = Unit("农村公路", (*whole.terms, *whole.parts))
    assert query.loosened(asked) == replace(asked, units=(category, any_part))
    # Nothing to loosen: no category, or no parts.
    assert [query.loosened(query.plan(text, vocabulary)) for text in ("农村公路 里程", "可持续 桥梁", "")] == [None] * 3


def test_a_variant_longer_than_what_is_left_is_not_looked_for_past_the_end() -> None:
    homes = Thesaurus.of(
        [Synonym("公共租赁住房", "公租", SynonymType.SAME), Synonym("公租房", "公租房子", SynonymType.SAME)]
    )
    assert [piece for piece, _ in homes.split("建公租房")] == ["建", "公租房"]
    assert [piece for piece, known in homes.split("建公租") if known] == ["公租"]
    assert [piece for piece, known in homes.split("公") if known] == []


def test_what_is_remembered_of_a_clause_is_what_is_read_anew(vocabulary: Vocabulary) -> None:
    texts = ["农村公路养护", "公路养护农路", "农", "农村公路" * 40, "x" * 200]
    fresh = [replace(vocabulary).clause(text) for text in texts]
    knowing = replace(vocabulary)
    assert [knowing.clause(text) for text in texts * 2] == fresh * 2
    kept = knowing._clause.cache_info()  # type: ignore[attr-defined]
    assert (kept.currsize, kept.hits) == (3, 3)
    heavier = replace(vocabulary, settings=vocabulary.settings.changed({"query.part": 0.123}))
    assert {t.weight for text in texts for unit in heavier.clause(text) for t in unit.parts} == {0.123}
