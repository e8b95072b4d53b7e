"""Reading a customer's words: who speaks, and what is wanted. Plain patterns, no guessing."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

Kind = Literal["cancel", "return", "replace", "address", "payment", "stock", "status", "total", "calculate", "human"]

_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_USER_ID: Final = re.compile(r"\b[a-z]+_[a-z]+_\d+\b")
_ORDER_ID: Final = re.compile(r"#W\d+")
_ZIP: Final = re.compile(r"\bzip(?:\s*code)?\D{0,12}(\d{5})\b|\b(\d{5})\b", re.IGNORECASE)
_NAME: Final = re.compile(
    r"\b(?:[Ii] am|I'm|[Mm]y name is|[Tt]his is|[Yy]ou are|[Nn]ame is|[Nn]ame:|[Cc]ustomer)\s+"
    r"([A-Z][\w'-]+)\s+([A-Z][\w'-]+)"
)
_WHO: Final = re.compile(
    r"\b(?:who|what)\s+are\s+you\b|\bare\s+you\s+(?:a|an|the)\s+(?:real\s+)?(?:model|ai|llm)\b", re.I
)

_VERBS: Final = (
    r"cancel|return|send\s+back|exchange|swap|modify|change|replace|switch|update|upgrade|move|ship|pay|tell|show"
    r"|calculate|compute|transfer|hand|connect|talk|speak|let|check|look|what|how|which|where|when|is\s+there"
)
_LEAD: Final = (
    r"(?:please\s+|kindly\s+|(?:I|we)(?:'d|\s+would)?\s+(?:also\s+)?(?:want|like|need|wish)\s+(?:you\s+)?to\s+)"
)
_SENTENCE: Final = re.compile(r"(?<=[.;!?])(?<!\bApt\.)(?<!\bSt\.)\s+|\n+|,?\s+(?:and|but|or)\s+(?=if\b)")
_CONDITION: Final = re.compile(r"\W*(?:if|in case|unless|otherwise|should)\b", re.IGNORECASE)
_CLAUSE: Final = re.compile(
    rf",?\s+(?:and|then|but)\s+(?:then\s+|also\s+|to\s+|finally\s+)*(?={_LEAD}?(?:{_VERBS})\b)"
    rf"|,\s+(?=(?:then\s+|also\s+|finally\s+){{0,2}}{_LEAD}?(?:cancel|return|exchange|tell|transfer|calculate)\b)",
    re.IGNORECASE,
)

# The first pattern that is found says what a clause wants, so the telling ones stand first.
_KINDS: Final[tuple[tuple[Kind, str], ...]] = (
    ("human", r"\b(?:human|representative|a (?:real )?person)\b"),
    ("calculate", r"\b(?:calculate|compute|what is)\s+[\d(]"),
    (
        "total",
        r"\b(?:total|in all|altogether|how much (?:money )?(?:will|do|would|can|should) (?:I|we)|price difference)\b",
    ),
    ("status", r"\b(?:status|tracking|where is|when (?:will|does))\b"),
    ("stock", r"\b(?:how many|available|in stock|what does|how much (?:is|are|does|do))\b|\bcheapest\b.*\?"),
    ("cancel", r"\bcancel\b"),
    ("return", r"\b(?:return|send (?:\w+ )?back)\b"),
    ("address", r"\baddress(?:es)?\b|\bmoved to\b|\bship (?:it|them|order|my)\b"),
    ("payment", r"\bpayment method\b|\bpay (?:for )?(?:it|order|for order|my order)\b"),
    ("replace", r"\b(?:exchange|swap|replace|modify|change|switch|update|upgrade)\b"),
)


@dataclass(frozen=True)
class Wish:
    """One thing that is wanted."""

    kind: Kind
    """What sort of thing."""

    text: str
    """The clause that says it."""

    order_ids: tuple[str, ...]
    """The orders it names, or those the clause before it named when it says `it` or `that order`."""

    conditional: bool = False
    """Whether it is wanted only if something else cannot be had."""


@dataclass(frozen=True)
class Case:
    """What a customer said, taken apart."""

    words: str
    wishes: tuple[Wish, ...]
    email: str | None = None
    user_id: str | None = None
    name: tuple[str, str] | None = None
    zip: str | None = None

    @property
    def order_ids(self) -> tuple[str, ...]:
        """Every order that is named, in order of appearance."""
        return tuple(dict.fromkeys(_ORDER_ID.findall(self.words)))

    def wants(self, *kinds: Kind) -> bool:
        """Tell whether any of these kinds is wanted for certain."""
        return any(wish.kind in kinds for wish in self.wishes if not wish.conditional)


def asks_who(text: str) -> bool:
    """Tell whether somebody wants to know who answers."""
    return _WHO.search(text) is not None


def read(words: str) -> Case:
    """Take a customer's words apart."""
    wishes: list[Wish] = []
    named: tuple[str, ...] = ()
    for clause, conditional in _clauses(words):
        ids = tuple(dict.fromkeys(_ORDER_ID.findall(clause)))
        kind = _kind(clause)
        points_back = re.search(r"\b(?:it|them|that order|this order|the order|the same order)\b", clause, re.I)
        if kind is not None:
            wishes.append(Wish(kind, clause.strip(), ids or (named if points_back else ()), conditional))
        named = ids or named
    email, user_id, name = _EMAIL.search(words), _USER_ID.search(words), _NAME.search(words)
    found = _ZIP.findall(words)
    zips = [labelled for labelled, _ in found if labelled] or [bare for _, bare in found]
    return Case(
        words=words,
        wishes=tuple(wishes),
        email=email[0].rstrip(".") if email else None,
        user_id=user_id[0] if user_id else None,
        name=(name[1], name[2]) if name else None,
        zip=zips[0] if zips else None,
    )


def read_turn(said: Sequence[str]) -> Case:
    """Take apart what a customer said last; who they are may stand in what they said before."""
    case = read(said[-1] if said else "")
    for before in map(read, reversed(said[:-1])):
        known = case.email or case.user_id or (case.name and case.zip)
        if not known:
            case = replace(case, email=before.email, user_id=before.user_id, name=before.name, zip=before.zip)
    return case


def _clauses(words: str) -> Iterator[tuple[str, bool]]:
    """Take words apart into clauses that want one thing each, and tell which hang on an if. These stay whole."""
    for sentence in _SENTENCE.split(words):
        if _CONDITION.match(sentence):
            yield sentence, True
        else:
            yield from ((clause, False) for clause in _CLAUSE.split(sentence))


def _kind(clause: str) -> Kind | None:
    """Tell what sort of thing a clause wants; None when it only tells something."""
    for kind, pattern in _KINDS:
        if re.search(pattern, clause, re.I):
            return kind
    return None
