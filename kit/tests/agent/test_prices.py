"""What models cost: publicly, or as a file says."""

import pytest

from callboard_contracts import Usage
from callboard_kit.agent.affording import affordable_answer, worst_cost
from callboard_kit.agent.estimating import LONGEST_ANSWER, SHORTEST_ANSWER, tokens_read
from callboard_kit.agent.messages import ChatMessage, ModelRequest
from callboard_kit.agent.prices import Prices
from callboard_kit.settings import SettingsError

HERE = "http://127.0.0.1/v1"
REQUEST = ModelRequest(messages=(ChatMessage(role="user", content="x" * 2000),))


def test_a_file_says_what_a_model_costs(tmp_path):
    (tmp_path / "prices.json").write_text('{"own": {"input_usd": 2, "output_usd": 10}}')

    prices = Prices.from_file(tmp_path / "prices.json")

    used = Usage(input_tokens=1_000_000, output_tokens=500_000)
    assert prices.cost_usd(used, model="own", base_url=HERE) == 7
    assert prices.cost_usd(used, model="another", base_url=HERE) is None
    assert worst_cost(REQUEST, 100, model="own", base_url=HERE, prices=prices) == (
        tokens_read(REQUEST) + 100,
        pytest.approx((tokens_read(REQUEST) * 2 + 1000) / 1e6),
    )


@pytest.mark.parametrize(
    "content", ["", "[]", '{"own": 3}', '{"own": {"input_usd": -1, "output_usd": 1}}', '{"own": {"input": 1}}']
)
def test_a_file_that_says_something_else_is_refused_with_what_to_write(tmp_path, content):
    (tmp_path / "prices.json").write_text(content)

    with pytest.raises(SettingsError, match=r"CALLBOARD_PRICES.*input_usd"):
        Prices.from_file(tmp_path / "prices.json")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        Prices.from_file(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("left", "answer"),
    [(0, 0), (SHORTEST_ANSWER - 1, 0), (SHORTEST_ANSWER, SHORTEST_ANSWER), (10**9, LONGEST_ANSWER - 1)],
)
def test_an_answer_is_cut_to_the_tokens_that_are_left_behind_what_is_read(left, answer):
    request = REQUEST.model_copy(update={"budget_tokens": tokens_read(REQUEST) + left})

    assert affordable_answer(request, model="own", base_url=HERE) == answer


def test_what_is_read_is_never_more_than_is_thought():
    assert tokens_read(REQUEST) >= 1000
