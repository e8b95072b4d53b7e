"""A listing as a page for people: one file, nothing loaded from anywhere."""

import base64
import hashlib
import json
from html import escape
from typing import Final

from callboard_contracts import OperationDescription, ServiceDescription
from callboard_registry_api.model import Listing

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; font-family: ui-monospace, monospace; font-size: 1.1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9rem; overflow-wrap: anywhere; }
pre { background: #f4f4f1; padding: .75rem; overflow-x: auto; } .words { white-space: pre-line; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; } dt { color: #666; } dd { margin: 0; }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #e8e8e8; } pre { background: #232323; } }
"""

CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Lets the page's own style in and nothing else."""


def service_page(listing: Listing) -> str:
    """Return a whole HTML document about one revision. Everything a team wrote is escaped."""
    description = ServiceDescription.model_validate_json(listing.document)
    facts = {
        "Team": listing.team,
        "State": f"{listing.state}: {listing.reason}" if listing.reason else listing.state,
        **({"Answers until": listing.sunset.strftime("%Y-%m-%d %H:%M UTC")} if listing.sunset else {}),
        **({"Use instead": listing.successor} if listing.successor else {}),
        "Revision": f"{listing.number} · {listing.digest}",
        "Endpoint": description.endpoint,
        "Published": listing.created.strftime("%Y-%m-%d %H:%M UTC"),
    }
    operations = "".join(_operation(operation) for operation in description.operations)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(listing.service)} · Callboard</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(listing.service)}</h1><p>{escape(description.summary)}</p>{_facts(facts)}"
        f'<p class="words">{escape(description.description)}</p>{operations}</body></html>'
    )


def _operation(operation: OperationDescription) -> str:
    promise = operation.promise
    facts = {
        "Kind": promise.kind,
        "Effect": promise.effect,
        "Acts on": promise.entity or "nothing in particular",
        "Answers in": f"{promise.latency.total_seconds():g} s as a rule, {promise.longest.total_seconds():g} s at most",
        "Twice is once by": promise.idempotency,
        "Model may call": "yes" if promise.model_callable else "no",
    }
    name = escape(operation.name)
    return (
        f'<h2 id="{name}">{name}</h2><p>{escape(operation.summary)}</p>'
        f'<p class="words">{escape(operation.description)}</p>{_facts(facts)}'
        f"{_schema('Input', operation.input)}{_schema('Output', operation.output)}"
    )


def _facts(facts: dict[str, str]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts.items()) + "</dl>"


def _schema(title: str, schema: dict[str, object]) -> str:
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    return f"<details><summary>{title}</summary><pre>{escape(text)}</pre></details>"
