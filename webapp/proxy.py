"""Sign-in by a header from a trusted reverse proxy (统一身份认证); off unless three environment variables are set.

The header counts only when the request's own socket comes from the proxy's address and a second header carries the
shared secret. ``X-Forwarded-For`` is never asked: anybody can write it.
"""

from __future__ import annotations

import hmac
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote_to_bytes

from flask import Request

from corpus.errors import BadInput

HEADER, ADDRESSES, SECRET = "ZHIBIAO_PROXY_HEADER", "ZHIBIAO_PROXY_ADDRESSES", "ZHIBIAO_PROXY_SECRET"
SECRET_HEADER = "X-Proxy-Secret"  # noqa: S105 - its name
SHORTEST_SECRET = 16
_TAKEN = {"host", "cookie", "authorization", "origin", "referer", "x-csrf-token", SECRET_HEADER.lower()}
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Proxy:
    """Whom the proxy names. ``clock`` counts seconds: what is ignored is logged once a minute."""

    header: str
    networks: tuple[IPv4Network | IPv6Network, ...]
    secret: str
    clock: Callable[[], float] = time.monotonic
    _logged: float = field(default=float("-inf"), init=False)

    def name(self, request: Request) -> str | None:
        """The name in the header, percent-decoded; None without one, or from somebody who is not the proxy.

        An unreadable name is returned as it is: it is nobody's.
        """
        given = request.headers.get(self.header, "").strip()
        if not given:
            return None
        secret = request.headers.get(SECRET_HEADER, "")
        known = hmac.compare_digest(secret.encode(), self.secret.encode())
        if not (self._trusts(request.remote_addr or "") and known):
            self._complain(request.remote_addr or "")
            return None
        try:
            return unquote_to_bytes(given.encode("latin-1")).decode()
        except UnicodeError:
            return given

    def _trusts(self, address: str) -> bool:
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        if isinstance(peer, IPv6Address) and peer.ipv4_mapped:
            peer = peer.ipv4_mapped
        return any(peer in network for network in self.networks)

    def _complain(self, address: str) -> None:
        if self.clock() >= self._logged + 60:
            self._logged = self.clock()
            _log.warning("忽略了来自 %r 的 %s 请求头：地址或 %s 不符。", address, self.header, SECRET_HEADER)


def configured(environment: Mapping[str, str]) -> Proxy | None:
    """The proxy that the environment names, or None. Raises BadInput when it is named in part or wrongly."""
    header, addresses, secret = (environment.get(name, "").strip() for name in (HEADER, ADDRESSES, SECRET))
    if not (header or addresses or secret):
        return None
    for name, value in ((HEADER, header), (ADDRESSES, addresses), (SECRET, secret)):
        if not value:
            raise BadInput(
                f"代理登录须同时设置 {HEADER}、{ADDRESSES} 和 {SECRET}，请补上 {name} 后再启动。", field=name
            )
    if not re.fullmatch(r"[A-Za-z0-9-]{2,60}", header) or header.lower() in _TAKEN:
        raise BadInput(f"环境变量 {HEADER} 须为专用的请求头名称，例如 X-Remote-User，请修改后再启动。", field=HEADER)
    if len(secret) < SHORTEST_SECRET or not secret.isascii():
        message = f"环境变量 {SECRET} 须为至少 {SHORTEST_SECRET} 个字母、数字或符号，请修改后再启动。"
        raise BadInput(message, field=SECRET)
    return Proxy(header, tuple(_network(address.strip()) for address in addresses.split(",")), secret)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text)
    except ValueError:
        network = None
    if network is None or network.prefixlen == 0:
        message = (
            f"环境变量 {ADDRESSES} 里的“{text[:50]}”不是 IP 地址或网段（如 10.0.0.5 或 10.0.0.0/28），请修改后再启动。"
        )
        raise BadInput(message, field=ADDRESSES)
    return network
