from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard_contracts import RefusedError
from callboard_contracts.support import v1 as support
from callboard_team_support.arithmetic import calculate
from callboard_team_support.store import HandoverStore

CASE = support.Handover(summary="The customer wants what no operation can do.")


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("3131.1 + 4777.75 + 367.38", "8276.23"),
        ("135.24 - 153.23", "-17.99"),
        ("5", "5.0"),
        (" 2 * (3 + 4) ", "14.0"),
        ("10 / 3", "3.33"),
        ("7 // 2", "3.0"),
        ("-2 ** 2", "-4.0"),
        ("--5", "5.0"),
        ("0.1 + 0.2", "0.3"),
        ("1 ** 999999999", "1.0"),
    ],
)
def test_an_expression_is_worked_out_to_two_decimals(expression: str, result: str):
    assert calculate(expression) == result


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        "1 +",
        "2 (3)",
        "(1)(2)",
        "1, 2",
        "()",
        "1 / 0",
        "0 ** -1",
        "0.0 // 0",
        "x + 1",
        "1e5",
        "__import__('os')",
        "1 if 1 else 2",
        "9 ** 9 ** 9",
        "10 ** 101",
        "0.5 ** -999999",
        "(-8) ** 0.5",
        "9" * 101,
        "1" + "+1" * 250,
        "-" * 400 + "1",
        "(" * 240 + "1" + ")" * 240,
        "1\n+1",
        "१+१",
    ],
)
def test_whatever_is_no_plain_arithmetic_is_refused(expression: str):
    with pytest.raises(RefusedError):
        calculate(expression)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HandoverStore]:
    store = HandoverStore(f"sqlite:///{tmp_path / 'support.db'}")
    yield store
    store.close()


def test_a_case_delivered_twice_waits_once(store: HandoverStore):
    store.put(CASE, key="k")
    store.put(CASE, key="k")

    assert store.all() == (CASE,)


def test_the_same_words_of_another_customer_are_another_case(store: HandoverStore):
    store.put(CASE, key="k1")
    store.put(CASE, key="k2")

    assert store.all() == (CASE, CASE)
