"""A tree of calls as one list of lines: what each run did, in order, and below each call what the other side did."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, cast

from callboard_registry.console.timeline import one_each
from callboard_registry.stories.keeping import Detail
from callboard_registry.stories.model import Execution, Happening
from callboard_registry_api.model import CallRecord

WIDTH: Final = 1000
"""Units across the whole tree."""

NARROWEST: Final = 3
"""Units of what took the least, so that it can be seen."""

DEEPEST: Final = 12
"""Levels that are shown below each other; a tree of calls has six."""

LineKind = Literal["run", "call", "model", "approval", "activity", "lock", "wait", "guard", "told", "trouble", "stop"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the timeline."""

    kind: LineKind
    depth: int
    team: str
    """In whose namespace it happened."""

    title: str
    at: datetime
    ended: datetime | None
    outcome: str
    reason: str = ""
    happening: Happening | None = None
    record: CallRecord | None = None
    executions: Sequence[Execution] = ()
    """The runs of workflows that it is, or that answer it."""

    @property
    def detail(self) -> Mapping[str, object]:
        """What there is to show beside; whatever is not there is an empty text."""
        return Detail() if self.happening is None else self.happening.detail

    @property
    def words(self) -> Mapping[str, object]:
        """What of a question is words, for those who may read them."""
        words = self.detail["words"]
        return cast("Mapping[str, object]", words) if isinstance(words, Mapping) else Detail()

    @property
    def took(self) -> timedelta | None:
        """How long it took; None while it goes on, or where that is not known."""
        if self.record is not None and self.record.duration is not None:
            return self.record.duration
        return None if self.ended is None else self.ended - self.at

    @property
    def by_whom(self) -> str:
        """The team that answers a call."""
        return self.record.endpoint if self.record else ""


@dataclass(frozen=True)
class Tree:
    """A whole tree of calls."""

    lines: Sequence[Line]
    start: datetime
    end: datetime
    executions: Sequence[Execution]

    def left(self, line: Line) -> int:
        """Return where a line's bar begins, in units."""
        return min(self._at(line.at), WIDTH - NARROWEST)

    def width(self, line: Line) -> int:
        """Return how long a line's bar is, in units."""
        took = line.took
        end = self.end if line.outcome in ("", "started") else line.at + (took or timedelta(0))
        return max(self._at(end) - self._at(line.at), NARROWEST)

    @property
    def length(self) -> timedelta:
        """How long it took, or has taken."""
        return self.end - self.start

    @property
    def under_way(self) -> bool:
        """Whether something goes on."""
        return any(line.outcome in ("", "started") for line in self.lines)

    @property
    def calls(self) -> int:
        """How many calls of other teams there were."""
        return sum(line.kind == "call" for line in self.lines)

    @property
    def models(self) -> Sequence[Happening]:
        """What was asked of models."""
        return [line.happening for line in self.lines if line.kind == "model" and line.happening]

    @property
    def tokens(self) -> int:
        """Tokens of every model call; what calls say they used, where no model call is known."""
        if self.models:
            return sum(each.input_tokens + each.output_tokens for each in self.models)
        return sum(each.input_tokens + each.output_tokens for each in self._told())

    @property
    def cost(self) -> float:
        """US dollars, counted as `tokens` are."""
        if self.models:
            return sum(each.cost_usd or 0.0 for each in self.models)
        return sum(each.cost_usd or 0.0 for each in self._told())

    @property
    def asked(self) -> tuple[str, str, bool]:
        """What the root's agent was asked first, the team, and whether that is sensitive."""
        for line in self._of_root():
            if line.happening and line.kind == "model":
                said = cast("Sequence[Mapping[str, str]]", line.happening.detail.get("said") or ())
                words = next((each["text"] for each in said if each["role"] == "user"), None)
                if words is not None:
                    return words, line.team, self._is_wordless(line)
        return "", "", False

    @property
    def answered(self) -> tuple[str, str, bool]:
        """What the root's agent answered last, the team, and whether that is sensitive."""
        for line in reversed(self._of_root()):
            if line.happening and line.kind == "model" and (answer := line.happening.detail.get("answer")):
                return str(answer), line.team, self._is_wordless(line)
        return "", "", False

    @property
    def effects(self) -> Sequence[Line]:
        """The calls that changed something, or were to."""
        return [
            line
            for line in self.lines
            if line.kind == "call"
            and line.happening
            and line.happening.detail.get("effect") in ("write", "irreversible")
        ]

    @property
    def approvals(self) -> Sequence[Line]:
        """What persons were asked."""
        return [line for line in self.lines if line.kind == "approval"]

    @property
    def resets(self) -> Sequence[Line]:
        """Where it was taken up again, and did otherwise."""
        return [line for line in self.lines if line.kind == "told" and line.detail.get("reset_of")]

    @property
    def stops(self) -> Sequence[Line]:
        """Where an agent stopped before its work was done, or was not let ask a model."""
        return [
            line for line in self.lines if line.kind == "stop" or (line.kind == "model" and line.outcome == "refused")
        ]

    @property
    def hindrances(self) -> Sequence[Line]:
        """What was tried again, waited for a lock, failed, gave no answer, or made a worker stumble."""
        return [
            line
            for line in self.lines
            if line.kind in ("lock", "trouble")
            or (line.happening is not None and line.happening.attempts > 1)
            or (line.kind in ("call", "model", "activity") and line.outcome in ("failed", "unavailable"))
        ]

    @property
    def blocked(self) -> Sequence[Line]:
        """What guards said."""
        return [line for line in self.lines if line.kind == "guard"]

    def _of_root(self) -> Sequence[Line]:
        return [line for line in self.lines if line.depth == 1]

    def _is_wordless(self, line: Line) -> bool:
        return bool(line.happening and line.happening.detail.get("wordless"))

    def _told(self) -> Sequence[CallRecord]:
        return [line.record for line in self.lines if line.record and line.depth <= 1]

    def _at(self, moment: datetime) -> int:
        length = max(self.end - self.start, timedelta(milliseconds=1))
        return int((moment - self.start) / length * WIDTH)


def tree(
    executions: Sequence[Execution],
    happened: Mapping[str, Sequence[Happening]],
    records: Iterable[CallRecord],
    *,
    now: datetime,
) -> Tree | None:
    """Arrange everything that is known of one tree; None when nothing is."""
    calls = one_each(records)
    arranging = _Arranging(executions, happened, calls)
    lines = arranging.lines()
    if not lines:
        return None
    start = min(line.at for line in lines)
    ends = [line.at + line.took if line.took is not None else line.at for line in lines]
    end = max(ends)
    if any(line.outcome in ("", "started") for line in lines):
        end = max(end, now)
    return Tree(lines, start, end, executions)


class _Arranging:
    def __init__(
        self, executions: Sequence[Execution], happened: Mapping[str, Sequence[Happening]], calls: Sequence[CallRecord]
    ) -> None:
        self._happened = happened
        self._executions = executions
        self._answers: dict[str, list[Execution]] = {}
        for each in executions:
            if each.token_id:
                self._answers.setdefault(each.token_id, []).append(each)
        self._records = {call.token_id: call for call in calls if call.token_id}
        self._calls = calls
        self._made = {each.token_id for those in happened.values() for each in those if each.token_id}
        self._lines: list[Line] = []
        self._done: set[str] = set()

    def lines(self) -> list[Line]:
        roots: list[tuple[datetime, Execution | CallRecord]] = [
            (each.started, each) for each in self._executions if not each.token_id
        ]
        # Calls of whose caller no story is known: clients make them, or their caller's story is yet to come.
        roots += [(each.start, each) for each in self._calls if not each.token_id or each.token_id not in self._made]
        for _, each in sorted(roots, key=lambda root: root[0]):
            if isinstance(each, Execution):
                self._run(each, 0)
            else:
                self._call_alone(each)
        for token, answers in self._answers.items():
            if token not in self._done and token not in self._made:
                for each in answers:
                    self._run(each, 0)
        return self._lines

    def _run(self, execution: Execution, depth: int) -> None:
        words = f"{execution.service} {execution.operation}".strip() or execution.kind
        self._lines.append(
            Line(
                kind="run",
                depth=depth,
                team=execution.team,
                title=words,
                at=execution.started,
                ended=execution.ended,
                outcome=execution.outcome,
                reason=execution.reason,
                executions=[execution],
            )
        )
        self._inside(execution, depth + 1)

    def _inside(self, execution: Execution, depth: int) -> None:
        for each in self._happened.get(execution.run_id, ()):
            record = self._records.get(each.token_id) if each.token_id else None
            answers = self._answers.get(each.token_id, []) if each.token_id else []
            kind: LineKind = each.kind
            self._lines.append(
                Line(
                    kind=kind,
                    depth=depth,
                    team=execution.team,
                    title=each.title,
                    at=each.at,
                    ended=each.ended,
                    outcome=each.outcome or "started",
                    reason=each.reason or (record.reason if record else ""),
                    happening=each,
                    record=record,
                    executions=answers,
                )
            )
            # Of a question, what the inbox did with it is no more than is said already.
            if kind != "approval":
                self._below(each.token_id, answers, depth)

    def _call_alone(self, call: CallRecord) -> None:
        answers = self._answers.get(call.token_id, []) if call.token_id else []
        ended = None if call.duration is None else call.start + call.duration
        self._lines.append(
            Line(
                kind="call",
                depth=0,
                team=call.caller,
                title=f"{call.service} {call.operation}",
                at=call.start,
                ended=ended,
                outcome=call.outcome,
                reason=call.reason,
                record=call,
                executions=answers,
            )
        )
        self._below(call.token_id, answers, 0)

    def _below(self, token: str, answers: Sequence[Execution], depth: int) -> None:
        if not token or token in self._done or depth > DEEPEST:
            return
        self._done.add(token)
        for each in answers:
            self._inside(each, depth + 1)
