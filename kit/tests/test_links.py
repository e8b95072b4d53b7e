"""A link of Temporal's that disagrees with a token means that the token is somebody else's."""

import nexusrpc
import pytest

from callboard_kit.links import disagreement
from callboard_kit.settings import Settings
from callboard_kit.tokens import Call

RUN = "01a2006b-f7b5-799a-b1b4-d013e697ec2a"
TYPE = "temporal.api.common.v1.Link.WorkflowEvent"


def link(path: str, scheme: str = "temporal") -> nexusrpc.Link:
    return nexusrpc.Link(url=f"{scheme}:///{path}", type=TYPE)


def said(
    *links: nexusrpc.Link, token_id: str = f"{RUN}:1", names: str = "{team}", namespaces: str | None = None
) -> str | None:
    call = Call(root="r", team="shop", caller="buyer", token_id=token_id)
    return disagreement(links, call, Settings(name_pattern=names, namespace_pattern=namespaces))


def test_a_link_to_the_run_that_signed_agrees() -> None:
    assert said(link(f"namespaces/buyer/workflows/w/{RUN}/history?eventID=5")) is None
    assert said(link(f"namespaces/buyer/workflows/a%2Fb/{RUN}/history")) is None


def test_physical_names_are_compared_with_physical_names() -> None:
    assert said(link(f"namespaces/staging-buyer/workflows/w/{RUN}/history"), names="staging-{team}") is None
    assert said(link(f"namespaces/buyer/workflows/w/{RUN}/history"), names="staging-{team}") is not None
    assert said(link(f"namespaces/buyer.a1b2c/workflows/w/{RUN}/history"), namespaces="{team}.a1b2c") is None
    assert said(link(f"namespaces/buyer/workflows/w/{RUN}/history"), namespaces="{team}.a1b2c") is not None


def test_a_link_to_a_standalone_operation_agrees_with_a_client_s_token_only() -> None:
    standalone = link("namespaces/buyer/nexus-operations/op/run/details")

    assert said(standalone, token_id="client:abc") is None
    assert said(standalone) == "the call comes from another workflow of 'buyer' than its token"


@pytest.mark.parametrize(
    "path",
    [
        f"namespaces/thief/workflows/w/{RUN}/history",
        f"namespaces/buyer/workflows/w/{RUN[:-1]}b/history",
        f"namespaces/buyer/workflows/{RUN}/other/history",
        "namespaces/thief/nexus-operations/op/run/details",
        "namespaces/buyer/workflows/w",
        "namespaces/buyer",
        f"namespaces/buyer%2Fworkflows/w/{RUN}/history",
        f"namespaces/buyer/workflows/w/client/{RUN}",
    ],
)
def test_a_link_to_anywhere_else_disagrees(path: str) -> None:
    assert said(link(path)) is not None


def test_a_client_s_token_is_not_good_for_a_workflow() -> None:
    assert said(link(f"namespaces/buyer/workflows/w/{RUN}/history"), token_id="client:abc") is not None


def test_one_link_that_disagrees_is_enough() -> None:
    honest = link(f"namespaces/buyer/workflows/w/{RUN}/history")

    assert said(honest, link(f"namespaces/thief/workflows/w/{RUN}/history")) is not None


@pytest.mark.parametrize("links", [(), (link("namespaces/buyer/workflows/w/r", "https"),), (link(""),)])
def test_without_a_link_of_temporal_s_nobody_knows_where_a_call_comes_from(links: tuple[nexusrpc.Link, ...]) -> None:
    assert said(*links) == "Temporal does not say where the call comes from; calls must come over Nexus"
