"""The gate itself: finds what a revision has to be compared with, and has it judged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from callboard_contracts import ServiceDescription
from callboard_registry.catalog import Catalog
from callboard_registry.consumers import Consumers
from callboard_registry.documents import listing_document
from callboard_registry.gate.deciding import Judgement, require_publishable
from callboard_registry.gate.judging import Base, judged
from callboard_registry.gate.levels import Levels, Strictness
from callboard_registry.gate.numbers import numbered
from callboard_registry.refusals import Refusal
from callboard_registry_api.model import Listing
from callboard_registry_api.verdicts import Level, Verdict


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Which revisions to compare. What is left out is as it would be when publishing."""

    service: str = ""
    from_digest: str = ""
    to_digest: str = ""
    document: bytes = b""
    level: Level | None = None
    strict: bool | None = None


class Gate:
    """Judges revisions against those that are in force: approved or deprecated. Drafts are nobody's promise."""

    def __init__(self, catalog: Catalog, levels: Levels, consumers: Consumers) -> None:
        self._catalog = catalog
        self._levels = levels
        self._consumers = consumers

    def admit(self, description: ServiceDescription) -> Judgement | None:
        """Return the judgement of a revision that is being published; None when it was in force already.

        Raises:
            Refusal: It is new, and provably breaks callers of what is in force.
        """
        held, in_force = self._catalog.beside(description.service, description.digest)
        if held is not None and held.state not in ("draft", "pending"):
            return None
        judgement = _judgement(description, self._levels.of(description.team), in_force)
        if held is None:
            require_publishable(description.service, self.with_affected(description.service, judgement.verdict))
        return judgement

    def judge(self, service: str, digest: str) -> Judgement | None:
        """Return the judgement of a revision that is held; None when there is none, or it was in force already."""
        held, in_force = self._catalog.beside(service, digest)
        if held is None or held.state not in ("draft", "pending"):
            return None
        return _judgement(_described(held), self._levels.of(held.team), in_force)

    def compare(self, asked: Comparison) -> Verdict:
        """Return what would become of callers.

        Raises:
            Refusal: What is to be compared is not there, or is no description.
        """
        if asked.from_digest and asked.level is not None:
            raise Refusal("invalid", "level", "level says which revisions in force; send it without from_digest")
        new, text_digest = self._later(asked)
        strictness = self._levels.of(new.team)
        strict = strictness.strict if asked.strict is None else asked.strict
        strictness = Strictness(asked.level or strictness.level, strict)
        if asked.from_digest:
            earlier = self._held(new.service, asked.from_digest, "from_digest")
            verdict = judged([Base(earlier.digest, _described(earlier))], new, strictness)
        else:
            # A document that is the revision in force is compared with that; a revision that is held, with the others.
            _, in_force = self._catalog.beside(new.service, new.digest)
            verdict = _judgement(new, strictness, in_force, but="" if asked.document else new.digest).verdict
        verdict = self.with_affected(new.service, verdict)
        if verdict.answer == "incompatible":
            return verdict
        return replace(verdict, revision=self._number(new, text_digest))

    def with_affected(self, service: str, verdict: Verdict) -> Verdict:
        """Return a verdict that says whom what was found concerns, as it stands now."""
        found = (*verdict.findings, *verdict.warnings)
        if not found:
            return verdict
        # What is said of the service as a whole concerns whoever calls anything of it.
        operations = {each.operation for each in found}
        affected = self._consumers.affected(service, None if "" in operations else operations)
        return replace(verdict, affected=tuple(affected))

    def _later(self, asked: Comparison) -> tuple[ServiceDescription, str]:
        if asked.document and asked.to_digest:
            raise Refusal("invalid", "document", "document and to_digest contradict each other; send one of them")
        if not asked.document:
            if not asked.service:
                raise Refusal("invalid", "service", "service is empty; name one, or send a document")
            return _described(self._held(asked.service, asked.to_digest, "to_digest")), ""
        document = listing_document(asked.document, team=None)
        if asked.service and document.description.service != asked.service:
            named = document.description.service
            raise Refusal("invalid", "document.service", f"document describes {named!r}, not {asked.service!r}")
        return document.description, document.text_digest

    def _held(self, service: str, digest: str, field: str) -> Listing:
        listing = self._catalog.find(service, digest=digest)
        if listing is None:
            what = f"revision {digest!r}" if digest else "revision"
            raise Refusal(
                "not_found",
                field if digest else "service",
                f"{service!r} has no {what} here; `callboard catalog list` shows what there is",
            )
        return listing

    def _number(self, new: ServiceDescription, text_digest: str) -> str:
        minor, patch, same_words = self._catalog.place(new.service, new.digest, text_digest)
        return numbered(new.service, minor, patch if same_words else patch + 1)


def _described(listing: Listing) -> ServiceDescription:
    return ServiceDescription.model_validate_json(listing.document)


def _judgement(
    new: ServiceDescription, strictness: Strictness, in_force: Sequence[Listing], *, but: str = ""
) -> Judgement:
    others = [each for each in in_force if each.digest != but]
    chosen = others if strictness.level == "all" else others[:1]
    verdict = judged([Base(each.digest, _described(each)) for each in chosen], new, strictness)
    return Judgement(verdict, frozenset(each.digest for each in in_force))
