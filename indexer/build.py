"""Generations: an index built aside, verified against the store, swapped in by one rename, old ones pruned.

On disk, below ``index/``: ``CURRENT`` names the folder that serves; ``gen-<digest>-<n>`` is a generation. Each holds
two editions: ``open`` (public records alone, with all statistics) and ``full``, which adds the restricted records to
them and is opened for people with clearance only. Killing a build at any moment leaves ``CURRENT`` as it was.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import blake2b, file_digest
from itertools import chain
from pathlib import Path

from corpus import experts, indicators, policies, words
from corpus.errors import Conflict, NotReady
from corpus.store import Store, now
from corpus.text import fold
from indexer import complete, documents, meaning, settings, stamps
from indexer.analysis import Analyzer
from indexer.beside import Run, beside, here
from indexer.documents import SCHEMAS
from indexer.engine import Document
from indexer.engines.derive import Collector
from indexer.engines.embedded import Embedded
from indexer.engines.scores import Scores
from indexer.pinyin import HEARD, Pinyin

# Raised whenever what is written changes shape: older generations are rebuilt, never guessed at.
FORMAT = 8
KEEP = 2
# So many documents make one part of a durable index; from so many indicators on a second process writes them.
PART = 2500
# Parts of a large library are larger, up to this: fewer files to keep open, and still little in memory at a time.
MOST, PARTS = 10_000, 8
# So many objects are made between two looks for garbage.
COLLECTED = 50_000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation holds: up to which change, how many documents, and a digest of their content.

    ``public`` names what the public may learn from it; ``files`` is a digest of every file, by which damage shows.
    """

    format: int
    name: str
    seq: int
    built: str
    counts: dict[str, int]
    digests: dict[str, str]
    public: str
    files: str


def root(data: Path) -> Path:
    """Where the generations of a data folder live."""
    return data / "index"


def current(data: Path) -> Path:
    """The folder of the generation that serves. Raises NotReady when there is none."""
    try:
        name = (root(data) / "CURRENT").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise NotReady("还没有建立索引，请先运行 zhibiao index --full。") from None
    folder = root(data) / name
    if not (folder / "manifest.json").exists():
        raise NotReady("索引已损坏，请运行 zhibiao index --full 重建。")
    return folder


def stamp(data: Path) -> object:
    """Differs when another generation was let serve; None without any."""
    return stamps.stamp(f"{data}/index/CURRENT")


def manifest(folder: Path) -> Manifest:
    """The manifest of a generation. Raises NotReady when this version cannot read it."""
    try:
        found = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise NotReady("索引由其他版本建立，请运行 zhibiao index --full 重建。")
        return Manifest(**found)
    except (ValueError, TypeError, LookupError):
        raise NotReady("索引已损坏，请运行 zhibiao index --full 重建。") from None


@contextmanager
def lock(data: Path) -> Iterator[None]:
    """One builder at a time; the system lets go of the lock when a builder dies. Raises Conflict at once."""
    root(data).mkdir(parents=True, exist_ok=True)
    with (root(data) / "LOCK").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("另一个进程正在建立索引，请稍后再试。") from None
        yield


@contextmanager
def _rarely_collecting() -> Iterator[None]:
    """Documents hold no cycles, and are many: they would be looked through for garbage again and again."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], COLLECTED), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def build(store: Store, progress: Progress = lambda _: None) -> Manifest:
    """Make a generation of what the store holds now and let it serve.

    Raises NotReady when what was written does not hold what the store holds; the old generation goes on serving.
    """
    data = store.folder
    with lock(data), _rarely_collecting():
        for leftover in root(data).glob("building-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        aside = root(data) / f"building-{os.getpid()}"
        # Where there is less to do a second process is not worth it.
        with store.reading(), beside(indicators.count(store) >= PART) as (there, either):
            seq = store.head()
            progress("分词")
            aside.mkdir()
            texts = complete.texts(store)
            # The second process has nothing to write yet.
            pinyin = Pinyin(data / "cache")
            there(complete.hear, texts[:HEARD], pinyin)
            offered = aside / "texts.json"
            complete.keep(offered, texts)
            del texts
            analyzer = _analyzer(store, aside)
            weights = settings.shipped().fields.weights()
            counts, digests, names = {}, {}, {}

            def offer(public: Collector) -> None:
                there(complete.save_kept, aside / "open" / "complete.bin", offered, public.terms(), pinyin)

            for kind in SCHEMAS:
                first = kind == "indicators"
                # Once it makes the completions, the second process is busy to the end.
                run, then = (either, offer) if first else (here, None)
                found, collected = _written(store, kind, analyzer, aside, run, then=then)
                progress(f"计算 {kind} {len(found['open']) + len(found['full'])} 条")
                served = weights if first else None
                Embedded.derive(aside / "open" / kind, collected.pop("open"), served)
                # Mapped again, and no longer in memory: a large library has room for one edition only.
                scores = Scores.load(aside / "open" / kind / "scores")
                Embedded.derive(aside / "full" / kind, collected.pop("full"), served, scores)
                counts[kind] = len(found["open"]) + len(found["full"])
                digests[kind] = digest(chain(found["open"], found["full"]))
                names[kind] = digest(found["open"])
                del scores, found
            progress("写入索引")
        progress("核对")
        # The disk is waited for and read meanwhile; after it only the manifest is left to write.
        with ThreadPoolExecutor(2) as others:
            synced, read = others.submit(_sync, aside), others.submit(_files, aside)
            _verify(aside, digests)
            files = read.result()
            synced.result()
        name = f"gen-{digest(digests.items())[:12]}"
        names["words"] = (aside / "words.json").read_text(encoding="utf-8")
        serial = 1 + max(
            (int(p.name.rsplit("-", 1)[1]) for p in root(data).glob("gen-*") if p.name[-1].isdigit()), default=0
        )
        result = Manifest(
            format=FORMAT,
            name=f"{name}-{serial}",
            seq=seq,
            built=now(),
            counts=counts,
            digests=digests,
            public=digest(names.items())[:16],
            files=files,
        )
        (aside / "manifest.json").write_text(json.dumps(asdict(result), ensure_ascii=False, indent=1), encoding="utf-8")
        _sync(aside)
        aside.rename(root(data) / result.name)
        _point(data, result.name)
        prune(data)
    meaning.tidy(store)
    return result


def _analyzer(store: Store, aside: Path) -> Analyzer:
    """What the texts of a generation are cut by; written down in it."""
    synonyms = words.synonyms(store)
    lexicon = sorted({fold(t) for t in words.lexicon(store)} | {fold(s.term) for s in synonyms})
    listed = {"lexicon": lexicon, "synonyms": [(s.term, s.variant, s.type) for s in synonyms]}
    (aside / "words.json").write_text(json.dumps(listed, ensure_ascii=False), encoding="utf-8")
    return Analyzer(lexicon, cache=store.folder / "cache", folded=True)


def _written(
    store: Store,
    kind: str,
    analyzer: Analyzer,
    aside: Path,
    run: Run,
    *,
    then: Callable[[Collector], None] | None,
) -> tuple[dict[str, list[tuple[str, str]]], dict[str, Collector]]:
    """Write the durable half of a kind part by part while the next documents are being cut, and keep none of them.

    Gives by edition the (id, digest) of its documents, and what its arrays are derived from; ``then`` is told this of
    the public ones as soon as they are complete.
    """
    size = max(PART, min(indicators.count(store) // PARTS, MOST))
    found: dict[str, list[tuple[str, str]]] = {"open": [], "full": []}
    collected = {edition: Collector(SCHEMAS[kind]) for edition in found}
    parts: dict[str, list[Document]] = {edition: [] for edition in found}
    count = dict.fromkeys(found, 0)

    def write(edition: str) -> None:
        run(Embedded.write, aside / edition / kind, SCHEMAS[kind], parts[edition], count[edition])
        collected[edition].add(parts[edition])
        parts[edition] = []
        count[edition] += 1

    for document in _cut(store, kind, analyzer):
        edition = "full" if document.restricted else "open"
        found[edition].append((document.id, document.digest))
        parts[edition].append(document)
        if len(parts[edition]) == size:
            write(edition)
    for edition, rest in parts.items():
        if rest or not count[edition]:
            write(edition)
        if then and edition == "open":
            then(collected[edition])
    return found, collected


def verify(store: Store) -> Manifest:
    """Check the serving generation against its manifest and, when it is up to date, against the store.

    Raises NotReady with what is wrong.
    """
    folder = current(store.folder)
    found = manifest(folder)
    if _files(folder) != found.files:
        raise NotReady("索引已损坏，请运行 zhibiao index --full 重建。")
    _verify(folder, found.digests)
    with store.reading():
        if store.head() == found.seq:
            listed = json.loads((folder / "words.json").read_text(encoding="utf-8"))["lexicon"]
            analyzer = Analyzer(listed, cache=store.folder / "cache", folded=True)
            cut = {kind: digest((d.id, d.digest) for d in _cut(store, kind, analyzer)) for kind in SCHEMAS}
            if cut != found.digests:
                raise NotReady("索引与指标库内容不一致，请运行 zhibiao index --full 重建。")
    return found


def prune(data: Path) -> None:
    """Remove generations beyond the newest ones. Readers that still map an old one keep it until they let go."""
    serving = current(data).name
    generations = sorted(root(data).glob("gen-*"), key=lambda p: int(p.name.rsplit("-", 1)[1]))
    for folder in generations[:-KEEP]:
        if folder.name != serving:
            shutil.rmtree(folder, ignore_errors=True)


def of_kind(store: Store, kind: str, ids: Sequence[str], analyzer: Analyzer) -> list[Document]:
    """Index documents of the changed records of a kind (policies give one per passage)."""
    if kind == "indicators":
        records = indicators.current(store, ids)
        return [documents.of_indicator(i, analyzer) for i in records if i.status.value == "active"]
    if kind == "policies":
        return [documents.of_passage(f, analyzer) for f in policies.current(store, ids)]
    wanted = set(ids)
    return [documents.of_expert(e, analyzer) for e in experts.active(store) if e.id in wanted]


def held_of(kind: str, records: Iterable[str], index: Embedded) -> set[str]:
    """The documents of those records in an index: themselves, or all the passages of a policy."""
    if kind != "policies":
        return index.held(records)
    wanted = set(records)
    return {id for id in index.ids() if id.rpartition("-")[0] in wanted}


def _cut(store: Store, kind: str, analyzer: Analyzer) -> Iterator[Document]:
    if kind == "indicators":
        return (documents.of_indicator(i, analyzer) for i in indicators.active(store, "full"))
    if kind == "policies":
        return (documents.of_passage(f, analyzer) for f in policies.active(store, "full"))
    return (documents.of_expert(e, analyzer) for e in experts.active(store))


def _verify(folder: Path, digests: dict[str, str]) -> None:
    for kind, schema in SCHEMAS.items():
        engine = Embedded.open(schema, [folder / "open" / kind, folder / "full" / kind])
        try:
            if digest(engine.digests().items()) != digests[kind]:
                raise NotReady(f"索引核对未通过（{kind}），原索引继续使用，请重新运行 zhibiao index --full。")
        finally:
            engine.close()


def digest(pairs: Iterable[tuple[str, str]]) -> str:
    """One name for (key, content) pairs, whatever their order."""
    lines = "\n".join(f"{key}\t{value}" for key, value in sorted(pairs))
    return blake2b(lines.encode(), digest_size=16).hexdigest()


def _files(folder: Path) -> str:
    """A digest of every file of a generation but its manifest, which holds it."""
    paths = [p for p in folder.rglob("*") if p.is_file() and p != folder / "manifest.json"]

    def content(path: Path) -> str:
        with path.open("rb") as file:
            return file_digest(file, "blake2b").hexdigest()

    return digest((p.relative_to(folder).as_posix(), content(p)) for p in paths)


def _sync(folder: Path) -> None:
    """Have everything on disk before the name says that it is there."""
    for path in [folder, *folder.rglob("*")]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _point(data: Path, name: str) -> None:
    temporary = root(data) / "CURRENT.new"
    with temporary.open("w", encoding="utf-8") as file:
        file.write(name)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(root(data) / "CURRENT")
