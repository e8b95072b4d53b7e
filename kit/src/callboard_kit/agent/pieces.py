"""A model's answer as its provider sends it: in pieces, of which only what is used here is read.

The provider's library can make objects of them that hold everything they may hold. That takes longer than all the rest
of a word's way to whoever reads it, so the pieces are read as they come over the wire.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel, TypeAdapter

from callboard_contracts import Usage
from callboard_kit.agent.messages import ToolCall


class _Function(BaseModel):
    name: str | None = None
    arguments: str | None = None


class _CallPart(BaseModel):
    index: int
    id: str | None = None
    function: _Function | None = None


class _Delta(BaseModel):
    content: str | None = None
    tool_calls: Sequence[_CallPart] | None = None


class _Choice(BaseModel):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Tokens(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Piece(BaseModel):
    id: str | None = None
    model: str | None = None
    choices: Sequence[_Choice] | None = None
    usage: _Tokens | None = None


_PIECES: Final = TypeAdapter(_Piece)


@dataclass
class Answer:
    """What has come of an answer so far."""

    text: list[str] = field(default_factory=list[str])
    calls: dict[int, ToolCall] = field(default_factory=dict[int, ToolCall])
    finish_reason: str | None = None
    model: str = ""
    id: str = ""
    usage: Usage = field(default_factory=lambda: Usage(model_calls=1))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls in their order. Some providers give them no id, and a result needs one to refer to."""
        return tuple(
            call if call.id else call.model_copy(update={"id": f"call_{self.id}_{index}"})
            for index, call in sorted(self.calls.items())
        )

    def take(self, document: object) -> str:
        """Add one piece, and return the text in it.

        Raises:
            ValidationError: It is no piece of an answer.
        """
        piece = _PIECES.validate_python(document)
        self.model = piece.model or self.model
        self.id = piece.id or self.id
        if piece.usage is not None:
            self.usage = Usage(
                model_calls=1,
                input_tokens=piece.usage.prompt_tokens or 0,
                output_tokens=piece.usage.completion_tokens or 0,
            )
        before = len(self.text)
        for choice in piece.choices or ():
            delta = choice.delta or _Delta()
            if delta.content:
                self.text.append(delta.content)
            for part in delta.tool_calls or ():
                known = self.calls.get(part.index) or ToolCall(id="", name="", arguments="")
                name = (part.function.name if part.function else None) or ""
                arguments = (part.function.arguments if part.function else None) or ""
                self.calls[part.index] = ToolCall(
                    id=part.id or known.id, name=known.name or name, arguments=known.arguments + arguments
                )
            self.finish_reason = choice.finish_reason or self.finish_reason
        return "".join(self.text[before:])
