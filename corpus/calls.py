"""What every command asks of its call: the data folder, whom it acts as, and where progress is told."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from corpus import people
from corpus.access import PUBLIC, Actor, require_all
from corpus.errors import Forbidden
from corpus.store import Store


def data_folder(args: Namespace) -> Path:
    """The data folder of this call."""
    return Path(args.data)


def progress(message: str) -> None:
    """Say where long work stands, on a terminal only."""
    if sys.stderr.isatty():
        print(message, file=sys.stderr)


def acting(args: Namespace, store: Store) -> Actor:
    """Whom this call acts as: the public unless ``--as`` names a user. Raises NotFound, or Forbidden when disabled."""
    if not args.acting:
        return PUBLIC
    user = people.get(store, args.acting)
    if user.disabled:
        raise Forbidden(f"用户“{user.name}”已停用，请换一个账户。")
    return user.actor


def operating(args: Namespace, store: Store, what: str) -> Actor:
    """Whom a call acts as that touches or tells of every record: without ``--as`` the operator, who holds the files.

    A user that ``--as`` names must be cleared for all. Raises as :func:`acting`, and Forbidden.
    """
    actor = acting(args, store)
    if args.acting:
        require_all(actor, what)
    return actor
