"""What every message that crosses a namespace has in common."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """One thing that one team says to another.

    Frozen, and it ignores fields it does not know: a caller and a team may be at different revisions of a
    contract. The string under a field is its published description.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        ser_json_timedelta="float",
    )


class Nothing(Message):
    """The input of an operation that needs no arguments."""
