"""Where the map puts teams and arrows."""

from hypothesis import given
from hypothesis import strategies as st

from callboard_registry.console.layers import placed

names = st.sampled_from("abcdefgh")


def test_callers_stand_left_of_those_they_call():
    plan = placed(["billing", "orchestrator", "orders"], [("orchestrator", "orders"), ("orders", "billing")])

    assert [plan.nodes[each][0] for each in ("orchestrator", "orders", "billing")] == [0, 1, 2]


def test_an_arrow_over_several_layers_passes_each():
    plan = placed(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")])

    assert [layer for layer, _ in plan.edges["a", "c"]] == [0, 1, 2]
    between = plan.edges["a", "c"][1]
    assert between not in plan.nodes.values(), "it passes beside the box that stands there"


def test_arrows_that_need_not_cross_do_not():
    plan = placed(["a", "b", "x", "y"], [("a", "y"), ("b", "x")])

    above = {name: row for name, (_, row) in plan.nodes.items()}
    assert (above["a"] < above["b"]) == (above["y"] < above["x"])


@given(st.lists(st.tuples(names, names), max_size=30))
def test_any_graph_is_placed_whole_and_nothing_stands_on_anything_else(edges):
    nodes = sorted({name for edge in edges for name in edge})
    plan = placed(nodes, edges)

    assert set(plan.nodes) == set(nodes)
    assert set(plan.edges) == {edge for edge in edges if edge[0] != edge[1]}
    assert len(set(plan.nodes.values())) == len(nodes)
    for (start, end), points in plan.edges.items():
        assert (points[0], points[-1]) == (plan.nodes[start], plan.nodes[end])
