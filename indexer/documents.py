"""Records -> index documents. Pure: no files, no store."""

from __future__ import annotations

import json
from hashlib import blake2b
from itertools import chain

from corpus import numbers
from corpus.model import Expert, Indicator, Visibility
from corpus.policies import ORIGINAL, Found, passage_id
from indexer.analysis import Analyzer, characters, compact
from indexer.engine import Document, Field, Schema

INDICATORS = Schema(
    kind="indicators",
    fields=(
        Field("name", 3.0, b=0.4),
        Field("keywords", 1.6, b=0.3),
        Field("class", 1.2, b=0.0),
        Field("category", 1.0, b=0.0),
        Field("body", 0.6, b=0.6),
        Field("chars", 1.0, b=0.5, group="chars"),
        Field("code", 10.0, b=0.0, group="code"),
    ),
    facets=("domain", "industry", "use", "kind", "level1", "level2", "unit", "owner", "theme"),
)
POLICIES = Schema(
    kind="policies",
    fields=(
        Field("text", 1.0, b=0.6),
        Field("path", 1.6, b=0.4),
        Field("title", 0.8, b=0.3),
        Field("number", 10.0, b=0.0, group="code"),
        Field("cited", 3.0, b=0.0, group="code"),
    ),
    facets=("policy", "year", "issuer"),
)
EXPERTS = Schema(
    kind="experts",
    fields=(
        Field("name", 3.0),
        Field("fields", 2.0),
        Field("organisation", 1.5),
        Field("position", 0.8),
        Field("chars", 1.0, group="chars"),
    ),
    facets=("kind", "organisation_kind"),
)
# An original says it itself; our digest of it comes second.
DIGEST_WORTH = 0.6
_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
SCHEMAS = {schema.kind: schema for schema in (INDICATORS, POLICIES, EXPERTS)}


def of_indicator(i: Indicator, analyzer: Analyzer) -> Document:
    """An indicator as the index takes it."""
    place = [i.use.use, i.use.industry, i.use.domain] if i.use else [i.theme]
    body = (i.definition, i.formula, i.evidence)
    name, definition, formula, evidence, *keywords = analyzer.each((i.name, *body, *i.keywords))
    return _document(
        i.id,
        {
            "name": name,
            "keywords": [*chain.from_iterable(keywords)],
            "class": [t for text in place for t in analyzer.tokens(text)],
            "category": list(dict.fromkeys((i.category.short, i.category.level1.removesuffix("指标")))),
            "body": definition + formula + evidence,
            "chars": characters(i.name),
            "code": [i.code],
        },
        literal=(i.name, "、".join(i.keywords), *place, *body),
        facets={
            "domain": i.use.domain if i.use else "",
            "industry": i.use.industry if i.use else "",
            "use": i.use.use if i.use else "",
            "kind": i.kind.value,
            "level1": i.category.level1,
            "level2": i.category.level2,
            "unit": i.unit,
            "owner": i.owner,
            "theme": i.theme,
        },
        restricted=i.visibility is not Visibility.PUBLIC,
        owner=i.owner,
        sorts={"code": i.code, "name": i.name, "updated": i.updated},
    )


def of_passage(found: Found, analyzer: Analyzer) -> Document:
    """A policy passage as the index takes it."""
    policy, passage = found.policy, found.passage
    return _document(
        passage_id(policy.id, passage.ordinal),
        {
            "text": analyzer.tokens(passage.text),
            "path": [t for heading in passage.path for t in analyzer.tokens(heading)],
            "title": analyzer.tokens(policy.title),
            "number": numbers.keys(policy.number),
            "cited": [key for m in numbers.find_numbers(passage.text) for key in numbers.keys(m.number)],
        },
        literal=(passage.text, *passage.path, policy.title, policy.number),
        facets={"policy": policy.id, "year": str(policy.year or ""), "issuer": policy.issuer},
        restricted=policy.visibility is not Visibility.PUBLIC,
        owner=policy.owner,
        sorts={"code": f"{policy.id}-{passage.ordinal:05d}"},
        worth=1.0 if policy.basis == ORIGINAL else DIGEST_WORTH,
    )


def of_expert(expert: Expert, analyzer: Analyzer) -> Document:
    """An expert as the index takes it."""
    return _document(
        expert.id,
        {
            "name": [expert.name, *analyzer.tokens(expert.name)],
            "fields": [t for f in expert.fields for t in analyzer.tokens(f)],
            "organisation": [*analyzer.tokens(expert.organisation), *analyzer.tokens(expert.organisation_kind)],
            "position": [*analyzer.tokens(expert.title), *analyzer.tokens(expert.kind)],
            "chars": characters(expert.name),
        },
        literal=(expert.name, expert.organisation, expert.title, *expert.fields),
        facets={"kind": expert.kind, "organisation_kind": expert.organisation_kind},
        restricted=False,
        owner="",
        sorts={"code": expert.id},
    )


def _document(
    id: str,
    terms: dict[str, list[str] | tuple[str, ...]],
    *,
    literal: tuple[str, ...],
    facets: dict[str, str],
    restricted: bool,
    owner: str,
    sorts: dict[str, str],
    worth: float = 1.0,
) -> Document:
    marks = "".join([compact(part) + "\n" for part in literal if part])
    about = _json([id, [*terms], facets, restricted, owner, sorts, worth])
    # No term holds a control character, and no character of a literal but the line feed between its parts.
    content = "\0".join([about, *("\1".join(words) for words in terms.values()), marks])
    return Document(
        id=id,
        terms=terms,
        facets=facets,
        restricted=restricted,
        owner=owner,
        literal=marks,
        digest=blake2b(content.encode(), digest_size=8).hexdigest(),
        sorts=sorts,
        worth=worth,
    )
