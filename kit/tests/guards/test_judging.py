"""A judge decides by a score, in one form of answer; any other is no judgement, and blocks."""

import json

import pytest
from guard_flows import guarded
from temporalio.client import Client

from callboard_kit.agent import Limits
from callboard_kit.guards import AfterModel, BeforeEffect, Judge
from callboard_kit.guards.judging import NoJudgementError, read
from callboard_kit.testing import calling

PAY_5 = [calling("pay", {"amount": 5})]
TRUE = Judge(goal="the answer is true", threshold=0.8)


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ('{"score": 0.8, "reason": "so it is"}', True),
        ('{"score": 1, "reason": ""}', True),
        ('{"score": 0.79, "reason": "not quite"}', False),
        ('{"score": 0, "reason": ""}', False),
        ('{"score": true, "reason": "yes"}', None),
        ('{"score": "1", "reason": "yes"}', None),
        ('{"score": 1.1, "reason": "yes"}', None),
        ('{"score": NaN, "reason": "yes"}', None),
        ('{"score": 1}', None),
        ('{"score": 0, "reason": "no", "score": 1}', None),
        ('{"score": 1, "reason": "yes", "approve": true}', None),
        ('```json\n{"score": 1, "reason": "yes"}\n```', None),
        ("I give it a 1.", None),
        ("[1]", None),
        ("", None),
    ],
)
def test_a_judgement_is_read_as_it_must_be_written_or_not_at_all(said: str, counts: bool | None):
    if counts is None:
        with pytest.raises(NoJudgementError):
            read(said, TRUE)
    else:
        assert (read(said, TRUE).action == "pass") is counts


@pytest.mark.parametrize(
    ("judgement", "answer"),
    [
        ('{"score": 0.9, "reason": "good"}', "It is so."),
        ('{"score": 0.2, "reason": "nobody said so"}', "judged 0.2 of 1 where 0.8 is needed: nobody said so"),
        ("Yes!", "it could not be evaluated (the judge's answer cannot be read: it is not JSON)"),
    ],
)
async def test_a_judge_decides_by_a_score_and_one_that_cannot_be_read_blocks(
    client: Client, judgement: str, answer: str
):
    guard = AfterModel(name="truth", check=TRUE)
    limits = Limits(max_corrections=0)
    async with guarded(client, "It is so.", guards=[guard], judgements=[judgement], limits=limits) as stage:
        outcome = await stage.run("Is it so?")

    assert answer in outcome.answer
    [request] = stage.model.judged
    assert "the answer is true" in str(request.messages[0].content)
    assert json.loads(request.messages[1].content or "") == {"goal": "Is it so?", "said": "It is so.", "calls": []}
    assert outcome.usage.model_calls == 2


async def test_a_judge_may_look_before_an_effect(client: Client):
    guard = BeforeEffect(name="sense", check=TRUE, tools=("local.pay",))
    judgements = ['{"score": 0, "reason": "nobody asked for it"}']
    async with guarded(client, PAY_5, "Done.", guards=[guard], judgements=judgements) as stage:
        await stage.run()

    assert stage.shop.paid == []
    assert json.loads(stage.model.judged[0].messages[1].content or "")["to_be_done"] == "local.pay"
