"""Trimming: never over budget, in the order of the ranking, and every piece accounted for."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from callboard_kit.agent.estimating import tokens_read
from callboard_kit.agent.messages import ChatMessage, ModelRequest
from callboard_kit.context.pieces import Looking, Piece
from callboard_kit.context.ranking import Offered, least_tokens, relevance, select
from callboard_kit.token_size import bytes_sent, tokens_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LOOKING = Looking(goal="bake a plum cake", agent="cook", now=NOW)

contents = st.one_of(
    st.text(max_size=80),
    st.dictionaries(st.text(max_size=8), st.one_of(st.integers(), st.text(max_size=20)), max_size=4),
)
pieces = st.builds(
    Piece,
    id=st.text("abc1", max_size=5),
    content=contents,
    at=st.one_of(st.none(), st.just(NOW)),
    until=st.one_of(st.none(), st.sampled_from([NOW - timedelta(1), NOW + timedelta(1)])),
    relevance=st.one_of(st.none(), st.floats(0, 1)),
)
offers = st.lists(
    st.tuples(st.lists(pieces, max_size=8), st.floats(0.1, 3), st.integers(1, 6)), min_size=1, max_size=4
).map(lambda all: [Offered(f"s{n}", each[0], each[1], each[2]) for n, each in enumerate(all)])


def few_vowels(piece: Piece, _looking: Looking) -> bool:
    return "aa" not in str(piece.content)


@given(offers, st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_a_context_never_takes_more_than_it_may(offered: list[Offered], extra: int) -> None:
    missing = {"gone": "late"}
    budget = least_tokens(missing) + extra

    chosen = select(offered, LOOKING, max_tokens=budget, missing=missing)

    assert tokens_of(chosen.text) <= budget
    assert json.loads(chosen.text)["missing"] == missing
    # What it takes in a request, by the estimate that budgets go by, is no more either.
    with_it = ModelRequest(messages=(ChatMessage(role="user", content=chosen.text),))
    without = ModelRequest(messages=(ChatMessage(role="user", content=""),))
    assert tokens_read(with_it) - tokens_read(without) <= budget + 1


@given(offers, st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_every_piece_is_chosen_or_dropped_for_a_reason_and_the_best_come_first(
    offered: list[Offered], budget: int
) -> None:
    chosen = select(offered, LOOKING, max_tokens=budget, keep=few_vowels)

    kept = Counter(each.source for each in chosen.context.chosen)
    weight = {each.source: each.weight for each in offered}
    for each in offered:
        assert kept[each.source] + sum(chosen.dropped[each.source].values()) == len(each.pieces)
        assert kept[each.source] <= each.at_most
    ratings = [relevance(each.piece, LOOKING.goal) * weight[each.source] for each in chosen.context.chosen]
    assert ratings == sorted(ratings, reverse=True)
    written = json.loads(chosen.text)["known"] if chosen.text else []
    assert [each["content"] for each in written] == [each.piece.content for each in chosen.context.chosen]


@given(offers, st.integers(0, 400))
@settings(max_examples=25, deadline=None)
def test_the_same_pieces_make_the_same_context(offered: list[Offered], budget: int) -> None:
    assert select(offered, LOOKING, max_tokens=budget) == select(offered, LOOKING, max_tokens=budget)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_bytes_are_counted_as_they_are_sent(text: str) -> None:
    assert bytes_sent(text) >= len(ChatMessage(role="user", content=text).model_dump_json()) - len(
        ChatMessage(role="user", content="").model_dump_json()
    )
    assert bytes_sent(text) == len(json.dumps(text, ensure_ascii=False).encode()) - 2


def test_a_long_piece_does_not_keep_short_ones_away() -> None:
    long, short = Piece(content="plum cake " * 200, relevance=1.0), Piece(content="plums", relevance=0.5)

    chosen = select([Offered("book", (long, short))], LOOKING, max_tokens=120)

    assert [each.piece for each in chosen.context.chosen] == [short]
    assert chosen.dropped["book"]["budget"] == 1


def test_what_shares_more_words_with_the_goal_comes_first() -> None:
    offered = [Offered("book", (Piece(content="Bread."), Piece(content="A plum cake."), Piece(content="Plum jam.")))]

    chosen = select(offered, LOOKING, max_tokens=500)

    assert [each.piece.content for each in chosen.context.chosen] == ["A plum cake.", "Plum jam.", "Bread."]
