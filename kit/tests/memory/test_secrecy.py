"""What is sensitive is not remembered: what contracts call so, and what looks like it."""

import pytest

from callboard_kit.memory.secrecy import note, noting, without_sensitive

ADA = {
    "user_id": "ada_smith_1234",
    "name": {"first_name": "Ada", "last_name": "Lovelace"},
    "email": "ada@example.com",
    "payment_methods": {"card_1": {"brand": "visa", "last_four": "9012"}},
    "orders": [{"address": {"city": "Denver"}}, {"address": {"city": "Aspen"}}],
    "note": "likes blue",
}
SENSITIVE = {
    "name": "name",
    "email": "contact",
    "payment_methods": "payment",
    "orders.address.city": "location",
    "note": "words",
}


def test_values_that_a_contract_calls_sensitive_are_taken_out_wherever_they_show_up():
    with noting():
        note(ADA, SENSITIVE)
        text, found = without_sensitive("Ms LOVELACE of Aspen (visa 9012, ada@example.com) likes blue, ada_smith_1234.")

    assert text == (
        "Ms [masked: name] of [masked: location] ([masked: payment] [masked: payment], [masked: contact]) likes blue, "
        "ada_smith_1234."
    )
    assert found == {"name", "location", "payment", "contact"}


def test_what_is_allowed_stays():
    with noting():
        note(ADA, SENSITIVE)
        text, found = without_sensitive("Write to ada@example.com in Denver.", allowed=("contact",))

    assert text == "Write to ada@example.com in [masked: location]."
    assert found == {"location"}


def test_what_one_run_read_is_not_looked_for_in_another():
    with noting():
        note(ADA, SENSITIVE)
    with noting():
        assert without_sensitive("Denver")[0] == "Denver"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Her card is 4111 1111 1111 1111.", "payment"),
        ("Her card is 4111111111111111.", "payment"),
        ("Call +49 170 1234567.", "contact"),
        ("Call (030) 1234-5678.", "contact"),
        ("Mail ada.b@mail.example.org.", "contact"),
        ("The password is hunter2", "secret"),
        ("Use sk-abcdefghijklmnopqrstuv", "secret"),
    ],
)
def test_what_looks_sensitive_is_taken_out(text: str, kind: str):
    assert f"[masked: {kind}]" in without_sensitive(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "Order #W1754650 waits.",
        "Item 1008292230 is blue.",
        "It was on 2026-11-22.",
        "Seen 2026-11-22 10:30.",
        "Prefers size 42, not 44.",
    ],
)
def test_what_only_has_digits_stays(text: str):
    assert without_sensitive(text) == (text, frozenset())
