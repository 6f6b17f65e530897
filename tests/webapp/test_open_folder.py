"""The open edition as a folder: no byte of it tells of what stayed inside, before and while it is served.

Every place where a restricted word may stand gets one of its own, six characters that stand together nowhere else.
"""

from __future__ import annotations

import bz2
import json
import lzma
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from random import Random
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from corpus import choices, experts, imports, indicators, people, policies, words
from corpus.access import PUBLIC, Clearance, Role
from corpus.indicators import indicator_id
from corpus.model import Citation, Expert, Indicator, Passage, Policy, Status, Visibility
from corpus.people import User
from corpus.policies import Parsed
from corpus.readers.tables import Row
from corpus.store import Store
from corpus.words import Synonym, SynonymType
from indexer import build
from indexer.pinyin import Pinyin
from webapp import cli

pinyin = Pinyin()
HIDDEN_CHARACTERS = "鼯鼢黢黪鲮鲼鬈鬏骒骺饕餮韪韫雒霭隗阊镢镡锝铴钐郗邳逄赭赜诖谳觫袈蝽蜢蛏"
PUBLIC_CHARACTERS = "樾榫楣栳柽杈晷旆斛敉挹拊戽悖恸怙彀弁庠幞"
KILLS = 5
PUBLIC_FIELDS = {"domain": "交通运输", "industry": "公路", "use": "养护", "owner": "州交通运输局"}


@dataclass
class Planted:
    """Words by the place that they were planted in, made as they are asked for; always the same."""

    characters: str
    words: dict[str, str] = field(default_factory=dict)

    def __call__(self, place: str) -> str:
        if place not in self.words:
            random = Random(place)  # noqa: S311
            self.words[place] = "".join(random.sample(self.characters, 6))
        return self.words[place]


def row(code: str, name: str, **cells: str) -> dict[str, str]:
    plain = {"code": code, "name": name, "level2": "数量", "operator": "≥", "reference": "5", "unit": "公里",
             "visibility": "公开", **PUBLIC_FIELDS}  # fmt: skip
    return plain | cells


def put(store: Store, *rows: dict[str, str], file: str = "表.csv", by: str = "") -> None:
    plan = imports.plan(store, [Row("", n, r) for n, r in enumerate(rows, 2)], origin=f"导入：{file}")
    assert plan.problems == []
    imports.apply(store, plan, actor=by, source=file)


def policy(id: str, say: Planted, visibility: Visibility) -> Parsed:
    found = Policy(id, say("title"), f"{say('number')}〔2024〕1号", say("issuer"), 2024, say("topic"), say("status"),
                   say("basis"), "", visibility, "", 0, "")  # fmt: skip
    passages = (Passage(1, (f"一、{say('heading')}",), say("section"), None, "text", say("passage")),)
    return Parsed(found, id * 6, passages, (Citation(1, f"{say('cited number')}〔2020〕2号", say("cited title")),))


def fill(store: Store, folder: Path, *, hidden: bool) -> tuple[Planted, Planted]:
    """A library with public records, and with everything that must stay inside when ``hidden``; the words of both."""
    secret, said = Planted(HIDDEN_CHARACTERS), Planted(PUBLIC_CHARACTERS)
    closed = {"visibility": "不公开"}
    specific = {k: secret(k) for k in ("domain", "industry", "use", "owner")}
    by, unit = secret("user"), secret("unit of a user")
    put(store, row("2100005", "公路里程"))
    if hidden:  # next, so that places are taken before the other public records come
        people.add(store, User(by, Role.ADMIN, unit, Clearance.ALL, disabled=False), password=None, by="")
        put(
            store,
            row("2190001", secret("name"), definition=secret("definition"), formula=secret("formula"),
                keywords=secret("keyword"), unit=secret("unit"), scoring=secret("scoring"),
                evidence=secret("evidence"), reference_kind=secret("kind of reference"),
                reference_source=secret("source of reference"), restricted_reason=secret("reason"),
                **{**specific, **closed}),
            row("2190002", secret("common"), kind="共性", theme=secret("theme"), **closed),
            # The unit's first record gives it its domain.
            row("2190003", secret("of a public unit"), **{**specific, **closed, "owner": "州水利局"}),
            row("2100001", secret("name before"), definition=secret("definition before"), **closed),
            row("2100002", "养护里程", definition=secret("first revision")),
            row("2100009", secret("public before")),
            file=f"{secret('file')}.csv", by=by,
        )  # fmt: skip
        put(store, row("2100009", secret("public before"), **closed), by=by)
    put(
        store,
        row("2100001", said("name"), definition=said("definition"), formula=said("formula"), keywords=said("keyword"),
            unit=said("unit"), scoring=said("scoring"), evidence=said("evidence"), theme="",
            reference_source=said("source of reference"), restricted_reason=secret("reason of old"),
            **{k: said(k) for k in ("domain", "industry", "use", "owner")}),
        row("2100002", "养护里程", definition="当年养护里程"),
        row("2100003", "灌溉面积", owner="州水利局", domain="农林水", industry="水利", use="灌区"),
        row("2100004", "预算执行率", kind="共性", theme="资金"),
        file=f"{secret('public file')}.csv",
    )  # fmt: skip
    kept = indicators.get(store, "2100002", PUBLIC)
    indicators.put(
        store, [replace(kept, replaced_by=indicator_id("2190001"))], actor="", action="edit", detail=""
    )  # fmt: skip
    open_policy = policy("p0000000001", said, Visibility.PUBLIC)
    policies.put(
        store, [replace(open_policy, policy=replace(open_policy.policy, source=secret("public source")))], actor=""
    )
    common = Synonym("养护里程", said("variant"), SynonymType.SAME)
    words.put(store, [common], [said("name"), said("definition"), "养护里程"])
    if hidden:
        leave_inside(store, folder, secret, by, kept)
    return secret, said


def leave_inside(store: Store, folder: Path, secret: Planted, by: str, like: Indicator) -> None:
    """Everything else that a data folder may hold and the open edition may not."""
    off = [
        replace(like, id=indicator_id(code), code=code, name=secret(status.value), status=status, revision=0,
                replaced_by="")
        for code, status in (("2100007", Status.RETIRED), ("2100008", Status.DRAFT))
    ]  # fmt: skip
    indicators.put(store, off, actor=by, action=secret("action"), detail=secret("detail"))
    sealed = policy("p0000000009", Planted(HIDDEN_CHARACTERS, secret.words), Visibility.RESTRICTED)
    policies.put(
        store,
        [replace(sealed, policy=replace(sealed.policy, source=secret("source"), owner=secret("policy owner")))],
        actor=by,
    )
    pool = [Expert("e1", secret("expert"), "行业领域", secret("organisation"), secret("kind of organisation"),
                   secret("position"), (secret("field"),), False, Status.ACTIVE, 0, "")]  # fmt: skip
    experts.put(store, pool, actor=by, detail=secret("expert file"))
    people.issue(store, by, "api", days=1, label=secret("label"), by=by)
    store.audit(actor=by, action="see", target=secret("target"), detail=secret("audit"))
    choices.take(store, "养护", like.id, people.get(store, by).actor, chosen=[])
    assert store.value("select count(*) from choices") == 1
    words.put(
        store,
        [Synonym(secret("name"), secret("variant of name"), SynonymType.SAME),
         Synonym(secret("term"), secret("variant"), SynonymType.COLLOQUIAL)],
        [secret("name"), secret("definition"), secret("word")],
    )  # fmt: skip
    with store.writing() as db:
        db.conn.execute("insert into settings values ('note', ?)", [secret("setting")])
    (folder / "settings.toml").write_text(f"# {secret('comment')}\n[query]\npart = 0.5\n", encoding="utf-8")
    (folder / "relevance.json").write_text(
        json.dumps({"note": secret("relevance")}, ensure_ascii=False), encoding="utf-8"
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Planted, Planted]:
    """The whole library with its index."""
    folder = tmp_path_factory.mktemp("whole") / "data"
    store = Store.create(folder)
    secret, said = fill(store, folder, hidden=True)
    build.build(store)
    store.close()
    return folder, secret, said


@pytest.fixture(scope="module")
def exported(source: tuple[Path, Planted, Planted], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outward") / "open"
    assert cli.main(["--data", str(source[0]), "export", "--edition", "open", str(folder)]) == 0
    return folder


# Reading every byte


def inside(data: bytes) -> Iterator[bytes]:
    """What is packed in these bytes, wherever in them it starts: zlib and gzip, zip, bzip2, xz."""
    for mark in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08|BZh[1-9]|\xfd7zXZ\0", data):
        kind = mark.group()
        unpack = (
            bz2.BZ2Decompressor() if kind[:3] == b"BZh" else lzma.LZMADecompressor() if kind[:1] == b"\xfd"
            else zlib.decompressobj(47)
        )  # fmt: skip
        for size in (len(data), 1 << 16, 1 << 10, 64):  # of a damaged stream its sound beginning
            with suppress(zlib.error, OSError, lzma.LZMAError):
                if found := unpack.decompress(data[mark.start() : mark.start() + size]):
                    yield found
                    yield from inside(found)
                    break
    if zipfile.is_zipfile(BytesIO(data)):
        with zipfile.ZipFile(BytesIO(data)) as archive:
            for name in archive.namelist():
                yield archive.read(name)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file by its name, which is part of it, with what is packed inside."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            name = path.relative_to(folder).as_posix()
            found[name] = b"\0\0".join((name.encode(), data, *inside(data)))
    return found


CODINGS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "gb18030")


def spellings(word: str) -> list[bytes]:
    """What of a word any program may write: parts of it, since analysis may cut it, and its sound."""
    if word.isascii():
        return [word.encode(coding) for coding in CODINGS[:4]]
    sounds = (*pinyin(word), " ".join(pinyin(c)[0] for c in word))
    return [
        *(text.encode(coding) for text in (word[:3], word[3:], word[1:4]) for coding in CODINGS),
        *(text.encode(coding) for text in sounds for coding in ("utf-8", "utf-16-le", "utf-32-le")),
        word.encode("unicode-escape"), quote(word).encode(),
    ]  # fmt: skip


def holding(files: dict[str, bytes], word: str) -> list[str]:
    """The files in which a word stands in any spelling."""
    return [name for name, data in files.items() if any(form in data for form in spellings(word))]


_told: dict[tuple[bytes, frozenset[str]], frozenset[str]] = {}


def told(data: bytes, wanted: frozenset[str]) -> frozenset[str]:
    """Those of the words that stand in ``data``; large files come by again and again."""
    key = (blake2b(data).digest(), wanted)
    if key not in _told:
        _told[key] = frozenset(word for word in wanted if any(form in data for form in spellings(word)))
    return _told[key]


def telling(folder: Path, secret: Planted) -> dict[str, list[str]]:
    """Where planted words stand in a folder, by the place that they were planted in."""
    wanted = dict(secret.words) | {code: code for code in ("2190001", "2190002", "2190003", "2100007", "2100009")}
    wanted |= {f"id of {code}": indicator_id(code) for code in ("2190001", "2190002", "2100008", "2100009")}
    words = frozenset(wanted.values())
    found = {name: told(data, words) for name, data in contents(folder).items()}
    return {
        place: names for place, word in wanted.items() if (names := [n for n, words in found.items() if word in words])
    }


def test_the_search_finds_what_is_there(source: tuple[Path, Planted, Planted], exported: Path, tmp_path: Path) -> None:
    """Else this module would prove nothing."""
    folder, secret, said = source
    assert len(set(secret.words.values()) | set(said.words.values())) == len(secret.words) + len(said.words) > 60
    whole = telling(folder, secret)
    assert {place for place in secret.words if place not in whole} == set()
    assert {"zhibiao.db"} <= set(whole["definition"])
    assert [name for name in whole["name"] if name.startswith("index/")] != []
    files = contents(exported)
    kinds = {name.rpartition("/")[2].rpartition(".")[2] for name in holding(files, said("name"))}
    assert {"db", "json", "trm", "bin"} <= kinds  # the store, the words, the durable index, the arrays
    assert {place for place, word in said.words.items() if word.encode() not in files["zhibiao.db"]} == set()
    word = secret("name").encode()
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", word * 9)
    for data in (zlib.compress(word), zlib.compress(zlib.compress(word)), bz2.compress(word), lzma.compress(word)):
        (tmp_path / "a").write_bytes(b"before" + data + b"behind")
        assert holding(contents(tmp_path), secret("name")) == ["a"]
    (tmp_path / "a").write_bytes(packed.getvalue())
    assert holding(contents(tmp_path), secret("name")) == ["a"]


def test_no_byte_tells(source: tuple[Path, Planted, Planted], exported: Path) -> None:
    assert telling(exported, source[1]) == {}
    modes = {stat.S_IMODE(p.stat().st_mode) for p in exported.rglob("*") if p.is_file()}
    folders = {stat.S_IMODE(p.stat().st_mode) for p in (exported, *exported.rglob("*")) if p.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})
    assert (exported / "settings.toml").read_text(encoding="utf-8") == "[query]\npart = 0.5\n"
    assert [p.name for p in exported.parent.iterdir()] == ["open"]


def test_no_byte_tells_while_it_is_served(
    source: tuple[Path, Planted, Planted], exported: Path, tmp_path: Path
) -> None:
    """With a log beside the store, keys and caches; and no answer tells either."""
    folder, secret, said = tmp_path / "open", source[1], source[2]
    shutil.copytree(exported, folder)
    with serving(folder) as address:
        hits = json.loads(get(f"{address}/api/v1/indicators?q={quote(said('name'))}"))
        assert [i["name"] for i in hits["items"]] == [said("name")]
        assert [
            p["title"] for p in json.loads(get(f"{address}/api/v1/policies?q={quote(said('passage'))}"))["items"]
        ] == [said("title")]
        pages = ["/", "/search", "/draft", "/policies", "/api/v1/taxonomy", "/api/v1/indicators", "/healthz",
                 "/api/v1/indicators/2100002", "/api/v1/indicators/2190001", "/api/v1/complete?q=y"]  # fmt: skip
        answers = [get(address + page) for page in pages]
        beside = Store.open(folder)
        people.add(beside, User("外网管理", Role.ADMIN, "", Clearance.NONE, disabled=False), password=None, by="")
        beside.close()
        asked = b"".join(answers)
        log = folder / "zhibiao.db-wal"
        assert log.stat().st_size > 0
        assert telling(folder, secret) == {}
        assert [place for place, word in secret.words.items() if any(form in asked for form in spellings(word))] == []
        # What was asked for leaves no trace either.
        for word in list(secret.words.values())[:12]:
            found = json.loads(get(f"{address}/api/v1/indicators?q={quote(word)}"))
            completed = json.loads(get(f"{address}/api/v1/complete?q={quote(word[:2])}"))
            assert (found["total"], [c for c in completed["items"] if set(c["text"]) & set(word)]) == (0, [])
        assert telling(folder, secret) == {}
    assert telling(folder, secret) == {}


def get(address: str) -> bytes:
    """An answer, whatever its status."""
    try:
        with urlopen(Request(address), timeout=60) as answer:  # noqa: S310
            return bytes(answer.read())
    except HTTPError as error:
        with error:
            return error.read()


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a server of its own process over a data folder, as an operator starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "webapp.cli", "--data", str(folder), "serve", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("指标库已启动：")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.communicate(timeout=60)


# The rows


def dump(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, but for moments, the keys of an installation and the hashes made of these."""
    tables = [r["name"] for r in store.rows("select name from sqlite_master where type = 'table' order by name")]
    found = {}
    for table in tables:
        columns = [c["name"] for c in store.rows(f"pragma table_info({table})") if c["name"] != "chain"]
        rows = store.db.conn.execute(f"select {', '.join(columns)} from {table}").fetchall()
        if table == "settings":
            rows = [(name, value if isinstance(value, str) and len(value) < 20 else "") for name, value in rows]
        found[table] = [
            tuple(re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.+]+Z?", "T", v) if isinstance(v, str) else v for v in one)
            for one in rows
        ]
    return found


def test_the_rows_are_those_of_a_library_that_never_held_more(
    source: tuple[Path, Planted, Planted], exported: Path, tmp_path: Path
) -> None:
    """Nor does it matter whether restricted records were never there or were taken out."""
    never = Store.create(tmp_path / "never")
    fill(never, never.folder, hidden=False)
    shutil.copytree(source[0], tmp_path / "without")
    without = Store.open(tmp_path / "without")
    with without.writing() as db:
        db.conn.execute("delete from choices")
        db.conn.execute("delete from indicators where visibility = 'restricted' or status <> 'active'")
        db.conn.execute("delete from policies where visibility = 'restricted'")
        db.conn.execute("delete from experts")
    rows = []
    for store in (never, without):
        store.close()
        assert cli.main(["--data", str(store.folder), "export", "--edition", "open", str(store.folder) + " open"]) == 0
        made = Store.open(Path(f"{store.folder} open"))
        rows.append(dump(made))
        made.close()
    made = Store.open(exported)
    whole = dump(made)
    assert [r["code"] for r in made.rows("select code from indicators order by code")] == [
        "2100001", "2100002", "2100003", "2100004", "2100005",
    ]  # fmt: skip
    assert made.rows("select name, kind, domain from owners order by rowid")[-1] == {
        "name": "州水利局", "kind": "导入", "domain": "农林水",
    }  # fmt: skip
    made.close()
    assert rows[0] == whole
    assert rows[1] == whole


# Dying


NURSERY = """
import os, sys
from indexer.analysis import Analyzer
from webapp import cli
Analyzer()
for _ in iter(sys.stdin.readline, ""):
    child = os.fork()
    if not child:
        os._exit(cli.main(["--data", sys.argv[1], "export", "--edition", "open", sys.argv[2]]))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_a_killed_export_leaves_no_folder(source: tuple[Path, Planted, Planted], tmp_path: Path) -> None:
    """Killed at moments spread over its work; the next one clears away what was left."""
    folder, aside = tmp_path / "open", tmp_path / "open.part"
    command = [sys.executable, "-W", "ignore", "-c", NURSERY, str(source[0]), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as nursery:

        def export(seconds: float | None) -> int:
            assert nursery.stdin is not None
            assert nursery.stdout is not None
            print(file=nursery.stdin, flush=True)
            child = int(nursery.stdout.readline())
            while True:
                ended, _, _ = select.select([nursery.stdout], [], [], seconds)
                if not ended:
                    os.kill(child, signal.SIGKILL)  # it is not waited for yet, so the number is still its own
                    seconds = None
                elif (line := nursery.stdout.readline()).strip().removeprefix("-").isdigit():
                    return int(line)

        started = time.perf_counter()
        assert export(None) == 0
        took = time.perf_counter() - started
        shutil.rmtree(folder)
        ended, left = [], 0
        for n in range(KILLS):
            ended.append(export(took * (n + 0.5) / KILLS))
            assert folder.exists() == (ended[-1] == 0)
            left += aside.exists()
            if ended[-1] == 0:
                shutil.rmtree(folder)
        assert -9 in ended
        assert left > 0
        assert set(ended) <= {-9, 0}
        assert export(None) == 0
        nursery.communicate()
    assert [p.name for p in tmp_path.iterdir()] == ["open"]
    assert telling(folder, source[1]) == {}
    made = Store.open(folder)
    assert build.verify(made).counts["indicators"] == 5
    made.close()
