"""Target values read as numbers: ``≥1.2万亩`` is (≥, 12000, 亩); dates and words are told apart from them.

Multipliers (万, 亿, 千 …) are multiplied out, exactly; units are kept as written. Nothing here raises on any text.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from functools import lru_cache

from corpus.text import normalise, remembered


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit. ``operator`` is one of ≥ ≤ = > < ~ (约); ``high`` is the upper end of a range."""

    operator: str
    value: Decimal
    unit: str
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Deadline:
    """A date to be met, as far as ``text`` gives it. The end of a year, month, quarter or half is its last day.

    全年 names a period and no date: all three are None.
    """

    year: int | None
    month: int | None
    day: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Qualitative:
    """A target in words; the text is normalised. Empty when there is none."""

    text: str


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit measures, and how many of ``base`` it is; ``factor`` is None where it cannot be converted."""

    dimension: str
    base: str
    factor: Decimal | None


def _units() -> dict[str, Unit]:
    convertible = {
        "长度": "米 1 m 1 公里 1000 千米 1000 km 1000 里 500 分米 0.1 厘米 0.01 cm 0.01 毫米 0.001 mm 0.001 延米 1",
        # 1 亩 is 10000/15 平方米; 666.6667 is that figure rounded, good for comparing sizes and no more.
        "面积": "平方米 1 m2 1 ㎡ 1 公顷 10000 平方公里 1000000 平方千米 1000000 km2 1000000 亩 666.6667",
        "体积": "立方米 1 m3 1 方 1 升 0.001 L 0.001 毫升 0.000001 ml 0.000001",
        "金额": "元 1 万元 10000 亿元 100000000 角 0.1",
        "时间": "小时 1 分钟 1/60 秒 1/3600 天 24 日 24 周 168",
        "比率": "% 1 ‰ 0.1 ‱ 0.01 成 10",
        "重量": "千克 1 公斤 1 kg 1 斤 0.5 克 0.001 g 0.001 毫克 0.000001 mg 0.000001 吨 1000 t 1000",
        "能量": "千瓦时 1 度 1 kWh 1 兆瓦时 1000 MWh 1000",
        "功率": "千瓦 1 kW 1 瓦 0.001 W 0.001 兆瓦 1000 MW 1000",
        "分数": "分 1",
    }
    plain = {
        "时间": "年 个月 月 季度 季 学期 学年 工作日 个工作日 课时 学时 人天 人日 个小时",
        "比率": "百分点 个百分点 倍",
        "人数": "人 名 位 万人",
        "人次": "人次 人/次 车次 架次 班次 台次 件次 户次 册次 种次 场次 批次 频次",
        "户数": "户 万户",
        "数量": "个 项 次 套 台 件 份 处 家 所 场 期 批 种 类 辆 只 头 条 座 株 棵 粒 间 栋 幢 篇 部 本 册 架 起 例 宗 "
        "笔 张 块 片 盏 根 羽 尾 匹 口 眼 孔 组 队 班 包 箱 袋 瓶 支 枚 颗 桶 届 轮 遍 趟 门 艘 副 层 桩 剂 针 榀 樘 "
        "村 站 标段 台套 台(套) 人份 页 字 幅 集 节 堂 道 床 张床 盘 吨公里 人公里",
    }  # fmt: skip
    table: dict[str, Unit] = {}
    for dimension, words in convertible.items():
        parts = words.split()
        for name, factor in zip(parts[::2], parts[1::2], strict=True):
            above, _, below = factor.partition("/")
            table[name] = Unit(dimension, parts[0], Decimal(above) / Decimal(below or 1))
    for dimension, words in plain.items():
        table |= {name: Unit(dimension, name, None) for name in words.split()}
    return table | {"个小时": table["小时"], "台(套)": Unit("数量", "台套", Decimal(1))}


UNITS = _units()
"""Unit -> dimension, base, factor. A unit that is missing here is still read; it is then like itself alone."""

_PREFIXES = {
    "≥": "≥ ⩾ ≧ >= => 大于等于 大于或等于 不低于 不少于 不小于 至少 最少 不得低于 不得少于",
    "≤": "≤ ⩽ ≦ <= =< 小于等于 小于或等于 不超过 不高于 不大于 不多于 至多 最多 不得超过 不得高于",
    ">": "> 大于 高于 超过 多于 超",
    "<": "< 小于 低于 少于 不足",
    "=": "= == 等于",
    "~": "~ ≈ 约 大约 约为 近",
}
_OPERATORS = {word: symbol for symbol, words in _PREFIXES.items() for word in words.split()}
_WEAK = {"达到": "=", "达": "=", "为": "=", "完成": "=", "实现": "=", "控制在": "≤"}
_SUFFIXES = {"及以上": "≥", "以上": "≥", "及以下": "≤", "以下": "≤", "以内": "≤", "之内": "≤", "左右": "~", "上下": "~"}


def _one_of(words: dict[str, str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_OPERATOR = re.compile(_one_of(_OPERATORS))
_LEAD = re.compile(rf"(?:{_one_of(_WEAK)})")
_SUFFIX = re.compile(rf"\s?(?:\(含(?:本数)?\))?({_one_of(_SUFFIXES)})(?:\(含(?:本数|本级)?\))?")
_ARABIC = re.compile(r"[0-9]{1,3}+(?:,[0-9]{3})++(?![0-9])(?:\.[0-9]++)?|[0-9]++(?:\.[0-9]++)?")
# 千 before 米, 克, 瓦 … is kilo and part of the unit; 百分点, 万分之 are words of their own.
_MULTIPLIER = re.compile(r"\s?([十百千]?[万亿]{1,2}|百|千(?![米克瓦伏帕卡焦赫升字]))(?!分[之点])")
_CHINESE = re.compile(r"[〇零一二两三四五六七八九十百千万亿]{1,40}+(?:点[〇零一二三四五六七八九]{1,20}+)?")
_POWERS = {"十": 1, "百": 2, "千": 3, "万": 4, "亿": 8}
_DIGITS = {digit: at for at, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_PARTS = {"百分之": "%", "千分之": "‰", "万分之": "‱"}
_PART = re.compile("|".join(_PARTS))
_TENTHS = re.compile("成(?:半|([一二三四五六七八九1-9]))?(?![立效本果为长员熟功年])")
_HALF = re.compile(r"半(?=个?(?:年|月|天|日|小时|学期|学年))")
_MORE_HALF = re.compile("个半(小时|月|学期)")
_HALF_OF = {"小时": "小时", "月": "个月", "学期": "学期"}
_TO = re.compile(r"\s?(?:--|[-–—~至到])\s?")

_NAME = _one_of(dict.fromkeys(UNITS, ""))
# Words that only begin like a unit.
_NOT = (
    r"(?!(?<=年)[级度代底末初前龄轻]|(?<=人)[民才大员均力工类社居事]|(?<=次)[性日要]|(?<=条)[件例款]|(?<=场)[所地馆镇]"
    r"|(?<=处)[理置级室罚]|(?<=所)[有以属需在]|(?<=台)[账风]|(?<=本)[级地年市州县省]|(?<=名)[称单录]|(?<=期)[间末初限]"
    r"|(?<=部)[门分署队]|(?<=分)[之公局类期批级别散布]|(?<=户)[籍外]|(?<=只)[要有能需]|(?<=家)[庭长具禽畜]|(?<=片)区"
    r"|(?<=份)额|(?<=班)[级子]|(?<=组)[织成]|(?<=队)伍|(?<=位)[于置]|(?<=元)[旦宵素]|(?<=度)[假过]|(?<=类)[别型]"
    r"|(?<=方)[面法式案向针便]|(?<=日)[常前均益期]|(?<=月)[底末初前份均]|(?<=道)[路德]|(?<=口)[岸径]|(?<=支)[持出部付]"
    r"|(?<=节)[约能水点]|(?<=层)[次级]|(?<=字)[〔\[号]|(?<=里)[程]|(?<=成)[立效本果]|(?<=[A-Za-z0-9])[A-Za-z0-9])"
)
_UNIT = re.compile(
    rf"\s?((?:(?:{_NAME})|(?=/[0-9]+[百千万亿]))(?:[/·][0-9]{{0,9}}[百千万亿]?(?:{_NAME})?)*(?<![/·])){_NOT}"
)
_OWN_UNIT = re.compile(
    r"\s?((?:[0-9]{1,9}/[0-9]+)?[^\s0-9,.;:!?，。；：、！？“”《》〔〕\[\]=<>≥≤~][^\s,;:!?，。；：、！？“”《》〔〕=<>≥≤~]{0,19})"
)
_RARE_UNIT = re.compile("[㐀-鿿]{1,2}")
_FROM_COLUMN = {"百分比": "%", "百分数": "%", "百分率": "%", "/": "", "-": "", "无": "", "—": ""}
_START = re.compile(rf"{_OPERATOR.pattern}|[百千万]分之|[0-9〇零一二两三四五六七八九十半]|百分百")
_ARTICLES = frozenset("个批种项次份家类位条名件本部套片方道层节组支笔村户人站门队元口期届")
_ORDINAL = frozenset(("期", "类", "届", "季度"))  # 二期工程, 三季度

_MONTH = "[0-9]{1,2}|[一二三四五六七八九十]{1,2}"
_DATE = (
    r"(?:(?P<yearN>(?:19|20)[0-9]{2})(?:年度?|(?=[-./][0-9])))?"
    rf"(?:[-./]?(?P<monthN>{_MONTH})(?:月份?|(?=[-./][0-9])|$))?"
    r"(?:(?:(?<=月)|[-./])(?P<dayN>[0-9]{1,2})[日号]?)?"
    r"(?P<endN>年?[底末]|年[内终]|上半年|下半年|第?[一二三四1-4]季度末?底?)?"
)
_DEADLINE_LEAD = r"(?:截至|截止到?|确保|力争|[于在])?(?:每年|当年|本年度?)?"
_DEADLINE_TAIL = r"(?:之前|以前|前|以内|内|止)?(?:全部|全面)?(?:按时)?(?:完成|完工|竣工|实施|到位|建成)?"
_DEADLINE = re.compile(_DEADLINE_LEAD + _DATE.replace("N", "2") + _DEADLINE_TAIL)
_PERIOD = re.compile(
    _DEADLINE_LEAD + _DATE.replace("N", "1") + "(?:--|[-~—至到])" + _DATE.replace("N", "2") + _DEADLINE_TAIL
)
# No quantity goes over these signs, nor does what stands beyond them count; a comma may be one of 1,200.
_BOUNDARY = re.compile("[。；;！!？?、：:，,](?<![^一-鿿][，,])")
# Without one of these characters there is no quantity.
_FIGURE = re.compile("[0-9〇零一二两三四五六七八九十百千万亿半]")
# Longer ones are read anew each time.
MAX_CLAUSE = 100
_YEAR_IN_WORDS = re.compile("[〇零一二三四五六七八九]{4}(?=年)")
_BARE_NUMBER = re.compile("[0-9]{4}[-.][0-9]{1,2}")  # 2021.12: a month only where no unit or operator says number
_HALVES = {"上半年": 6, "下半年": 12}
_LAST_DAY = (31, None, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _shift(number: Decimal, powers: str) -> Decimal:
    """The number times 万, 千万 …, without rounding."""
    sign, digits, exponent = number.as_tuple()
    moved = Decimal((sign, digits, int(exponent) + sum(_POWERS[power] for power in powers)))
    return Decimal(format(moved, "f"))


def _plus_half(number: Decimal) -> Decimal:
    """The number and a half, without rounding."""
    with localcontext() as context:
        context.prec = len(number.as_tuple().digits) + 30
        return number + Decimal("0.5")


def _section(word: str) -> int | None:
    """A Chinese number below 10000: 三百二十, 一百零五, 两百五 (250)."""
    total, digit, last = 0, None, 4
    zero = False
    for character in word:
        power = _POWERS.get(character)
        if power is None:
            if digit is not None:
                if digit:
                    return None
                zero = True
            digit = _DIGITS[character]
            zero = zero or digit == 0
            continue
        if power >= last or digit == 0 or (digit is None and (power != 1 or total)):
            return None
        total += (1 if digit is None else digit) * 10**power
        digit, last, zero = None, power, False
    if digit is None:
        return total
    return total + digit * (1 if zero or last == 4 else 10 ** (last - 1))


def _chinese(word: str) -> Decimal | None:
    """The number that Chinese numerals write: 二十三, 两万五千, 一点五, 二〇二三; None for what is no number."""
    whole, _, fraction = word.partition("点")
    if len(whole) > 1 and all(character in _DIGITS for character in whole):
        text = "".join(str(_DIGITS[character]) for character in whole)
    else:
        total, rest = 0, whole
        for large in "亿万":
            above, found, rest = rest.rpartition(large)
            if not found:
                continue
            count = _chinese(above) if large == "亿" and "万" in above else _section(above)
            if not count:
                return None
            total += int(count) * 10 ** _POWERS[large]
            if len(rest) == 1 and rest in _DIGITS and rest not in "零〇":  # 两万五
                return Decimal(total + _DIGITS[rest] * 10 ** (_POWERS[large] - 1)) if not fraction else None
        part = _section(rest)
        if part is None:
            return None
        text = str(total + part)
    return Decimal(text + ("." + "".join(str(_DIGITS[digit]) for digit in fraction) if fraction else ""))


@dataclass(frozen=True, slots=True)
class _Number:
    value: Decimal
    end: int
    arabic: bool
    multiplier: str = ""


def _number(text: str, at: int) -> _Number | None:
    """The number that begins at ``at``: 12, 1,200.5, 3.5万, 1亿2000万, 二十三."""
    found = _ARABIC.match(text, at)
    if found is None:
        words = _CHINESE.match(text, at)
        value = _chinese(words[0]) if words else None
        return _Number(value, words.end(), arabic=False) if words and value is not None else None
    value, end = Decimal(found[0].replace(",", "")), found.end()
    times = _MULTIPLIER.match(text, end)
    if times is None:
        return _Number(value, end, arabic=True)
    value, end = _shift(value, times[1]), times.end()
    more = _ARABIC.match(text, end)
    less = _MULTIPLIER.match(text, more.end()) if more else None
    if more and less and more.end() - at < 25:
        small = _shift(Decimal(more[0].replace(",", "")), less[1])
        if small < _shift(Decimal(1), times[1]):
            return _Number(value + small, less.end(), arabic=True, multiplier=times[1])
    return _Number(value, end, arabic=True, multiplier=times[1])


def _unit(text: str, at: int, *, any_unit: bool, short_unit: bool) -> tuple[str, int]:
    """The unit that begins at ``at`` and where it ends; ``any_unit`` takes the whole rest before a suffix as one."""
    known = _UNIT.match(text, at)
    if known and not any_unit and not short_unit:
        return normalise(known[1]), known.end()
    if known and (known.end() == len(text) or _SUFFIX.match(text, known.end()) or text[known.end()] in "内-~至到–—"):
        return known[1], known.end()
    own = _OWN_UNIT.match(text, at) if any_unit or short_unit else None
    if own:
        body = own[1]
        for suffix in _SUFFIXES:
            body = body.removesuffix(suffix)
        if body and (any_unit or _RARE_UNIT.fullmatch(body) or (body[0].isdigit() and text[at] == " ")):
            return body, own.start(1) + len(body)
    return (known[1], known.end()) if known else ("", at)


def _special(text: str, at: int) -> tuple[Decimal, str, int] | None:
    """What carries its own unit: 百分之九十五, 百分百, 三成五, 一半, 半数, 半年."""
    part = _PART.match(text, at)
    if part:
        found = _number(text, part.end())
        if found:
            return found.value, _PARTS[part[0]], found.end
        hundred = text.startswith("百分之百", at)
        return (Decimal(100), "%", at + 4) if hundred else None
    for words, value in (("百分百", 100), ("一半", 50), ("半数", 50)):
        if text.startswith(words, at):
            return Decimal(value), "%", at + len(words)
    half = _HALF.match(text, at)
    if half:
        return Decimal("0.5"), "", half.end()
    found = _number(text, at)
    tenths = _TENTHS.match(text, found.end) if found and found.value <= 10 else None
    if found and tenths:
        digit = tenths[1]
        extra = 5 if tenths[0].endswith("半") else (int(digit) if digit.isdigit() else _DIGITS[digit]) if digit else 0
        return _shift(found.value, "十") + extra, "%", tenths.end()
    return None


def _expression(text: str, at: int, *, cell: bool) -> tuple[Quantity, int, bool] | None:  # noqa: PLR0912, PLR0915
    """A quantity that begins at ``at``, where it ends, and whether it names its operator itself.

    In a ``cell`` the words 达到, 控制在 … may come first, a number may stand without a unit, and units that are
    not in UNITS are taken. The unit is as written and the number is multiplied out.
    """
    begin, weak = at, ""
    if cell:
        lead = _LEAD.match(text, at)
        if lead:
            weak, at = _WEAK[lead[0]], lead.end()
    named = _OPERATOR.match(text, at)
    operator = _OPERATORS[named[0]] if named else ""
    if named:
        at = named.end()
    while text.startswith(" ", at):
        at += 1
    negative = cell and text[at : at + 1] in ("-", "−") and text[at + 1 : at + 2].isdigit()
    at += negative
    special = _special(text, at)
    high: Decimal | None = None
    number: _Number | None = None
    if special:
        value, unit, at = special
        chinese = True
    else:
        number = _number(text, at)
        if number is None:
            return None
        value, unit, at, chinese = number.value, "", number.end, not number.arabic
    if negative:
        value = value.copy_negate()
    if not operator and text[at : at + 1] in ("余", "多"):
        operator, at = ">", at + 1
    any_unit = cell and bool(named) and not chinese
    short_unit = cell and not chinese
    low_unit, low_end = unit, at
    if not unit:
        low_unit, low_end = _unit(text, at, any_unit=False, short_unit=False)
    more_half = _MORE_HALF.match(text, at) if not unit else None
    if more_half:  # 两个半小时
        value, unit, at = _plus_half(value), _HALF_OF[more_half[1]], more_half.end()
        low_unit, low_end = unit, at
    to = _TO.match(text, low_end)
    if to:
        far = to.end()
        below = text.startswith("-", far)
        part = _special(text, far)
        second = None if part else _number(text, far + below)
        if part:
            high, unit, at = part
        elif second:
            high, at = second.value, second.end
            unit, at = _unit(text, at, any_unit=any_unit, short_unit=short_unit)
            if number and second.multiplier and not number.multiplier and not low_unit:
                grown = _shift(value, second.multiplier)
                value = grown if grown <= high else value
            high = high.copy_negate() if below else high
        if high is not None and low_unit and low_unit != unit:
            return None
    if high is None:
        if not unit:
            unit, at = _unit(text, at, any_unit=any_unit, short_unit=short_unit)
        if text.startswith("半", at) and unit in ("年", "天", "小时", "个月", "亩"):
            value, at = _plus_half(value), at + 1
    elif high < value:
        value, high = high, value
    if named and named[0] == "近" and unit in UNITS and UNITS[unit].dimension == "时间":
        return None  # 近三年 is a stretch of time, not about three years
    suffix = _SUFFIX.match(text, at)
    if suffix:
        at = suffix.end()
        operator = _SUFFIXES[suffix[1]] if operator in ("", "=", "~") else operator
    elif text.startswith("内", at) and unit in UNITS and UNITS[unit].dimension == "时间":
        operator, at = operator or "≤", at + 1
    own = bool(operator)
    if chinese and not unit and cell and at - begin == 1:
        return None
    return Quantity(operator or weak or "=", value, unit, high), at, own


def _deadline(text: str) -> Deadline | None:  # noqa: PLR0911
    """The date that the whole text names, or None."""
    if len(text) > 60:
        return None
    if re.fullmatch("(?:全年|全年度|本年度|当年)(?:完成)?", text):
        return Deadline(None, None, None, text)
    digits = _YEAR_IN_WORDS.sub(lambda word: "".join(str(_DIGITS[digit]) for digit in word[0]), text)
    found = _DEADLINE.fullmatch(digits) or _PERIOD.fullmatch(digits)
    if found is None:
        return None
    year_text, month_text, day_text, end = (found[f"{name}2"] for name in ("year", "month", "day", "end"))
    if not (year_text or month_text or end) or (not year_text and day_text and "月" not in text):
        return None
    if month_text and not year_text and "月" not in text:
        return None
    year = int(year_text or found.groupdict().get("year1") or 0) or None
    number = _number(month_text, 0) if month_text else None
    month = int(number.value) if number else None
    day = int(day_text) if day_text else None
    if end and day:
        return None
    if end and month is None:
        quarter = re.search("[一二三四1-4]", end)
        month = _HALVES.get(end) or ("一二三四1234".index(quarter[0]) % 4 * 3 + 3 if quarter else 12)
        day = _LAST_DAY[month - 1]
    elif end and month and 1 <= month <= 12:
        day = _LAST_DAY[month - 1] or (calendar.monthrange(year, month)[1] if year else None)
    if (month is not None and not 1 <= month <= 12) or (day is not None and not 1 <= day <= 31):
        return None
    return Deadline(year, month, day, text)


def _split(unit: str) -> tuple[str, str]:
    """A unit's multiplier and the rest: 万人次 is (万, 人次); 千米 stays whole."""
    found = _MULTIPLIER.match(unit)
    return (found[1], unit[found.end() :]) if found and found.end() < len(unit) else ("", unit)


def parse(text: str, unit: str = "", operator: str = "") -> Quantity | Deadline | Qualitative:
    """Read a target value cell; ``unit`` and ``operator`` are the cells beside it, if the table has them.

    What the value cell says itself goes before the columns beside it. Whatever is neither one whole quantity nor
    one whole date is Qualitative, so a number inside a sentence is not taken for the target (see ``find``).
    """
    plain, column = normalise(text), normalise(unit)
    column = _FROM_COLUMN.get(column, column)
    given = _OPERATORS.get(normalise(operator).replace(" ", ""), "")
    date = _deadline(plain + column if column.startswith("年") and len(plain) == 4 else plain)
    if date and not ((column or given) and _BARE_NUMBER.fullmatch(plain)):
        return date
    read = _expression(plain, 0, cell=True)
    if read is None or read[1] != len(plain) or plain == "十分":
        return Qualitative(plain)
    quantity, _, own = read
    times, base = _split(column) if not quantity.unit else ("", quantity.unit)
    if times and plain.endswith(times):  # 26万 beside 万亩 says 万 twice
        times = ""
    high = None if quantity.high is None else _shift(quantity.high, times)
    return Quantity(quantity.operator if own or not given else given, _shift(quantity.value, times), base, high)


@lru_cache(maxsize=1 << 16)
def _one(character: str) -> str:
    """The character normalised where that is one character again; ① and its like stay, they are no digits here."""
    plain = normalise(character) or " "
    circled = plain.isdigit() and not character.isdecimal() and character not in "²³"
    return character if len(plain) != 1 or circled else plain


def _counts(text: str, start: int, begin: int, quantity: Quantity, end: int) -> bool:  # noqa: PLR0911
    """Whether what was read in prose is a quantity and not a date, an ordinal, a code or an article."""
    before, first = text[max(start - 2, 0) : start], text[begin]
    if not quantity.unit or before[-1:] in tuple("第〔[.+/_") or (before[-1:].isascii() and before[-1:].isalnum()):
        return False
    if before[-1:] == "," and before[:1].isdigit():
        return False
    if before[-1:] in tuple("-–—~") and before[:1].isalnum() and before[:1].isascii():
        return False
    if quantity.unit in ("月", "日", "成") or (quantity.unit == "分" and before[-1:] in tuple("时点")):
        return False
    if quantity.unit == "年":
        last = quantity.value if quantity.high is None else quantity.high
        year = 1900 <= last <= 2099 and last == last.to_integral_value()
        if year or re.compile("[0-9一二三四五六七八九十]{1,2}月").match(text, end):
            return False
    if before[-1:] in tuple("十百千万亿几数") or (before[-1:] in _DIGITS and first in _DIGITS):
        return False
    if first in _DIGITS and quantity.unit in _ORDINAL:
        return False
    if first == "二" and quantity.value == 2:  # 二次搬运; two of a thing is 两
        return False
    return not (first == "一" and quantity.value == 1 and quantity.unit in _ARTICLES)


def find(text: str) -> list[tuple[Quantity, tuple[int, int]]]:
    """The quantities with a known unit in running text, with (start, end) of each, operator words included.

    Document numbers, years, months, dates, ordinals, list numbers and 一个 as an article are left out.
    """
    found = []
    at = 0
    for end in [*[boundary.end() for boundary in _BOUNDARY.finditer(text)], len(text)]:
        clause = text[at:end]
        for quantity, (start, stop) in _read(clause):
            found.append((quantity, (at + start, at + stop)))
        at = end
    return found


def _in_clause(text: str) -> tuple[tuple[Quantity, tuple[int, int]], ...]:
    """The same for a text, whatever ends clauses in it."""
    plain = "".join(map(_one, text))
    found: list[tuple[Quantity, tuple[int, int]]] = []
    at = 0 if _FIGURE.search(plain) else len(plain)
    while start := _START.search(plain, at):
        begin = start.start()
        named = _OPERATOR.match(plain, begin)
        first = named.end() if named else begin
        while plain.startswith(" ", first):
            first += 1
        read = _expression(plain, begin, cell=False)
        if read and _counts(plain, begin, first, read[0], read[1]):
            quantity, end, _ = read
            negative = plain[begin - 1 : begin] in ("-", "−") and same_dimension(quantity.unit, "%")
            if negative and not named and quantity.high is None:
                quantity, begin = replace(quantity, value=quantity.value.copy_negate()), begin - 1
            found.append((quantity, (begin, end)))
            at = end
            continue
        numeral = _number(plain, first)
        words = _CHINESE.match(plain, first)  # such as 一般人: no number, and none begins inside it
        at = max(
            start.end(),
            first + plain.startswith("半", first),
            numeral.end if numeral else 0,
            words.end() if words else 0,
        )
    return tuple(found)


_read = remembered(_in_clause, longest=MAX_CLAUSE)


def show(quantity: Quantity) -> str:
    """The quantity as text, digits in full; ``parse`` gives the same quantity back."""
    high = "" if quantity.high is None else ("至" if quantity.high < 0 else "-") + format(quantity.high, "f")
    number = format(quantity.value, "f") + high
    operator = {"=": "", "~": "约"}.get(quantity.operator, quantity.operator)
    short = f"{operator}{number}{quantity.unit}"
    return short if parse(short) == quantity else f"{operator or '='}{number} {quantity.unit}".rstrip()


def same_dimension(a: str, b: str) -> bool:
    """Whether two units measure the same thing: 万元 and 元, 元/亩 and 元/公顷; an unknown unit only itself."""

    def measures(unit: str) -> list[str]:
        parts = re.split("([/·])", normalise(unit))
        found = [part if part in UNITS else _split(part)[1] for part in parts]
        return [UNITS[part].dimension if part in UNITS else part for part in found]

    return measures(a) == measures(b)
