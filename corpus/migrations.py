"""Named schema steps, each in one transaction. A step that has shipped is never edited: add another."""

from __future__ import annotations

import secrets

from sqlite_utils import Database, Migrations

from corpus import chain
from corpus.model import CATEGORIES

steps = Migrations("zhibiao")


@steps()
def create_classification(db: Database) -> None:
    """Domain > industry > use, the categories of 财预〔2021〕101号, and the budget units.

    A use is ``declared`` when the published taxonomy names it; others came with imported records.
    """
    db.table("uses").create(
        {"code": str, "domain": str, "industry": str, "use": str, "ordinal": int, "declared": int},
        pk="code",
        not_null={"use", "declared"},
    )
    db.table("categories").create({"code": str, "level1": str, "level2": str, "short": str}, pk="code")
    db.table("categories").insert_all(
        {"code": c.code, "level1": c.level1, "level2": c.level2, "short": c.short} for c in CATEGORIES
    )
    db.table("owners").create({"name": str, "kind": str, "domain": str}, pk="name")


@steps()
def create_indicators(db: Database) -> None:
    db.execute("""
        create table indicators (
            id text primary key,
            code text not null unique,
            name text not null check (length(name) between 1 and 200),
            kind text not null check (kind in ('common', 'specific')),
            category text not null references categories(code),
            use_code text references uses(code),
            theme text not null default '',
            definition text not null default '',
            formula text not null default '',
            operator text not null check (operator in ('≥', '≤', '=', '>', '<', '定性')),
            unit text not null default '',
            reference text not null default '',
            reference_kind text not null default '',
            reference_source text not null default '',
            scoring text not null default '',
            evidence text not null default '',
            keywords text not null default '',
            owner text not null references owners(name),
            visibility text not null check (visibility in ('public', 'restricted')),
            restricted_reason text not null default '',
            status text not null check (status in ('draft', 'active', 'retired')),
            origin text not null default '',
            replaced_by text not null default '',
            revision integer not null,
            updated text not null,
            check ((kind = 'common') = (use_code is null))
        )""")
    db.table("indicators").create_index(["use_code"])
    db.table("indicators").create_index(["visibility", "owner"])


@steps()
def create_policies(db: Database) -> None:
    db.execute("""
        create table policies (
            id text primary key,
            title text not null,
            number text not null default '',
            issuer text not null default '',
            year integer,
            theme text not null default '',
            status text not null default '',
            basis text not null default '',
            source text not null default '',
            sha256 text not null default '',
            visibility text not null check (visibility in ('public', 'restricted')),
            owner text not null default '',
            revision integer not null,
            updated text not null
        )""")
    db.execute("""
        create table passages (
            policy_id text not null references policies(id) on delete cascade,
            ordinal integer not null,
            path text not null,
            section text not null,
            page integer,
            kind text not null,
            text text not null,
            primary key (policy_id, ordinal)
        )""")
    db.execute("""
        create table citations (
            policy_id text not null references policies(id) on delete cascade,
            ordinal integer not null,
            number text not null,
            title text not null,
            primary key (policy_id, ordinal, number, title)
        )""")
    db.table("policies").create_index(["number"])
    db.table("policies").create_index(["title"])


@steps()
def create_experts(db: Database) -> None:
    db.execute("""
        create table experts (
            id text primary key,
            name text not null,
            kind text not null,
            organisation text not null,
            organisation_kind text not null,
            title text not null default '',
            fields text not null default '',
            sample integer not null check (sample in (0, 1)),
            status text not null check (status in ('draft', 'active', 'retired')),
            revision integer not null,
            updated text not null
        )""")


@steps()
def create_words(db: Database) -> None:
    """How people say it (``variant``) to the term of art, and the terms that segmentation must keep whole."""
    db.execute("""
        create table synonyms (
            term text not null,
            variant text not null,
            type text not null check (type in ('same', 'narrower', 'colloquial', 'abbreviation')),
            primary key (term, variant)
        )""")
    db.table("lexicon").create({"term": str}, pk="term")


@steps()
def create_change_records(db: Database) -> None:
    """Revisions keep what a record was; the audit says who did it; the feed is what the index follows."""
    db.execute("""
        create table revisions (
            kind text not null,
            record_id text not null,
            revision integer not null,
            at text not null,
            actor text not null,
            action text not null,
            record text not null,
            primary key (kind, record_id, revision)
        )""")
    db.execute("""
        create table audit (
            id integer primary key,
            at text not null,
            actor text not null,
            action text not null,
            target text not null,
            detail text not null default ''
        )""")
    db.execute("""
        create table feed (
            seq integer primary key autoincrement,
            kind text not null check (kind in ('indicators', 'policies', 'experts', 'words')),
            record_id text not null
        )""")


@steps()
def create_people(db: Database) -> None:
    db.execute("""
        create table users (
            name text primary key check (length(name) between 2 and 40),
            role text not null check (role in ('department', 'reviewer', 'admin', 'auditor')),
            unit text not null default '',
            clearance text not null check (clearance in ('none', 'own', 'all')),
            password text not null default '',
            disabled integer not null default 0 check (disabled in (0, 1)),
            created text not null
        )""")
    db.execute("""
        create table tokens (
            hash text primary key,
            user text not null references users(name) on delete cascade,
            kind text not null check (kind in ('api', 'link', 'session')),
            label text not null default '',
            created text not null,
            expires text not null
        )""")


@steps()
def create_choices(db: Database) -> None:
    """Who (as a keyed hash) took which indicator over under which use; the key is this installation's own.

    Without row numbers, which would keep the order in which people came.
    """
    db.execute("create table settings (name text primary key, value blob not null) without rowid")
    db.execute("insert into settings values ('choices.key', ?)", [secrets.token_bytes(32)])
    db.execute("""
        create table choices (
            use_code text not null references uses(code) on delete cascade,
            indicator_id text not null references indicators(id) on delete cascade,
            person text not null,
            taken_at text not null,
            primary key (use_code, indicator_id, person)
        ) without rowid""")


@steps()
def chain_audit(db: Database) -> None:
    """Audit rows get the records they are about and the hash that chains them (:mod:`corpus.chain`).

    ``id`` is the serial, from 1 without gaps; ``records`` are ``kind:id``, by spaces. The trigger on insertion is what
    keeps ``insert or replace`` from taking a row's place.
    """
    db.execute("alter table audit rename to audit_before")
    db.execute("""
        create table audit (
            id integer primary key,
            at text not null,
            actor text not null,
            action text not null,
            kind text not null default '',
            target text not null,
            records text not null default '',
            detail text not null default '',
            chain text not null
        )""")
    db.execute("insert into settings values (?, ?), (?, '')", [chain.KEY, secrets.token_bytes(32), chain.MARK])
    chain.rechain(db.conn)
    db.execute("drop table audit_before")
    refused = "select raise(abort, '审计记录只能追加')"
    db.execute(f"create trigger audit_update before update on audit begin {refused}; end")
    db.execute(f"create trigger audit_delete before delete on audit begin {refused}; end")
    db.execute(
        "create trigger audit_insert before insert on audit "
        f"when new.id <> (select coalesce(max(id), 0) + 1 from audit) begin {refused}; end"
    )


@steps()
def harden_sign_in(db: Database) -> None:
    """Lockout, forced password changes, idle sessions, and tokens with scopes and an id that opens nothing.

    Sessions begin anew; tokens that were issued before have no scopes and read what the public reads.
    """
    for column in (
        "must_change integer not null default 0 check (must_change in (0, 1))",
        "failures integer not null default 0",
        "locked_until text not null default ''",
        "last_sign_in text not null default ''",
    ):
        db.execute(f"alter table users add column {column}")
    db.execute("delete from tokens where kind = 'session'")
    for column in (
        "id text not null default ''",
        "scopes text not null default ''",
        "last_seen text not null default ''",
        "must_change integer not null default 0 check (must_change in (0, 1))",
    ):
        db.execute(f"alter table tokens add column {column}")
    db.execute("update tokens set id = lower(hex(randomblob(5)))")
    db.execute("create unique index idx_tokens_id on tokens (id)")
    db.execute("create index idx_tokens_user on tokens (user, kind)")
