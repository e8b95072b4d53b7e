"""A contract file that somebody else wrote becomes what a listing holds."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from coming_back import come_back, require_proof, require_same_verdicts, validator

from callboard.interchange.importing import imported
from callboard.interchange.lint import lint_file
from callboard.interchange.nexusrpc_file import contract_file
from callboard.interchange.remarks import ASSUMED
from callboard.interchange.text import DocumentError
from callboard_contracts import Example, Promise
from callboard_registry.documents import listing_document

SAMPLE = Path(__file__).parent / "sample"
BAKERY = SAMPLE / "bakery.nexusrpc.yaml"


@pytest.fixture
def bakery(tmp_path: Path) -> Callable[[str, str], Path]:
    """The sample with one passage replaced by another."""
    shutil.copytree(SAMPLE, tmp_path / "sample")
    path = tmp_path / "sample" / BAKERY.name

    def changed(old: str, new: str) -> Path:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return path

    return changed


def test_a_service_is_described_in_the_words_of_its_file() -> None:
    [read] = imported(BAKERY)

    described = read.description
    assert (described.service, described.endpoint, described.team) == ("bakery.v2", "bakery", "bakery")
    assert (described.summary, described.description) == (
        "Bakes bread, and says what there is.",
        "Open until the bread is gone.",
    )
    assert [each.name for each in described.operations] == ["order_bread", "WhatIsThere", "RingBell"]
    assert described.operation("order_bread").summary == "Order loaves. Refused when the oven is cold."
    assert described.operation("WhatIsThere").description == "Deprecated: it answers still; look for another."
    assert read.can_be_published()


def test_promises_are_taken_from_remarks_and_the_worst_is_assumed_of_the_rest() -> None:
    [read] = imported(BAKERY)

    promises = [each.promise for each in read.description.operations]
    assert promises[0] == Promise(
        kind="task",
        effect="write",
        latency=timedelta(seconds=2),
        longest=timedelta(seconds=90),
        entity="customer",
        examples=(Example(input={"customer": "ada", "loaves": 2}, output={"number": 7}),),
    )
    assert (promises[1].kind, promises[1].effect) == ("query", "read")
    assert promises[2] == ASSUMED
    assert read.assumed == ("RingBell",)


def test_the_registry_takes_what_was_imported() -> None:
    [read] = imported(BAKERY)

    held = listing_document(read.description.model_dump_json().encode(), team="bakery")

    assert held.description == read.description


def test_nothing_but_the_schema_is_left_of_a_schema() -> None:
    [read] = imported(BAKERY)

    order = read.description.operation("order_bread").input
    assert "$comment" not in order
    assert order["title"] == "BreadOrder"
    assert order["properties"] == {
        "customer": {"type": "string", "minLength": 1},
        "loaves": {"type": "integer", "minimum": 1, "maximum": 12, "default": 1},
        "note": {"description": "For the baker.", "oneOf": [{"type": "string", "maxLength": 200}, {"type": "null"}]},
    }
    ring = read.description.operation("RingBell")
    assert ring.input == ring.output == {"$schema": order["$schema"], "type": "null"}


def test_a_team_gives_its_service_a_name_in_the_mesh(bakery: Callable[[str, str], Path]) -> None:
    path = bakery("fqn: bakery.v2", "fqn: com.example.bread.v3.Bakery")

    [kept], [named] = imported(path), imported(path, team="bakers")

    assert (kept.description.service, kept.description.team) == ("com.example.bread.v3.Bakery", "bread")
    assert not kept.can_be_published()
    assert (named.description.service, named.description.endpoint) == ("bakers.v3", "bakers")
    assert named.can_be_published()
    assert kept.wire_name == named.wire_name == "com.example.bread.v3.Bakery"


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_exported_again_means_the_same(form: str, tmp_path: Path) -> None:
    [read] = imported(BAKERY)

    back = come_back(read.description, tmp_path, form=form)

    assert back.digest == read.description.digest
    assert [(each.name, each.promise) for each in back.operations] == [
        (each.name, each.promise) for each in read.description.operations
    ]
    for ours, theirs in zip(back.operations, read.description.operations, strict=True):
        for side in ("input", "output"):
            require_proof(getattr(theirs, side), getattr(ours, side))


def test_what_is_imported_means_what_the_files_say() -> None:
    [read] = imported(BAKERY)
    files = [path for path in SAMPLE.rglob("*.yaml")]
    original = jsonschema_rs.Registry(
        [(f"sample:///{path.relative_to(SAMPLE)}", yaml.safe_load(path.read_text())) for path in files]
    )
    places = {
        "order_bread": ("input", "$defs/BreadOrder"),
        "WhatIsThere": ("output", "$defs/Shelf"),
    }

    for name, (side, place) in places.items():
        theirs = validator({"$ref": f"sample:///{BAKERY.name}#/{place}"}, original)
        fit, misfit = require_same_verdicts(theirs, getattr(read.description.operation(name), side))
        assert min(fit, misfit) > 20
    loaf = validator({"$ref": f"sample:///{BAKERY.name}#/services/Bakery/operations/orderBread/output"}, original)
    fit, misfit = require_same_verdicts(loaf, read.description.operation("order_bread").output)
    assert min(fit, misfit) > 20


def test_the_names_of_a_file_are_kept_for_the_code_made_from_the_next() -> None:
    [read] = imported(BAKERY)

    document: Any = contract_file(read.description).document

    assert sorted(document["$defs"]) == [
        "BreadOnShelf", "BreadOrder", "CakeOnShelf", "Crust", "Loaf", "OrderBreadOutput", "Shelf",
    ]  # fmt: skip


def test_the_sample_has_no_finding() -> None:
    assert lint_file(BAKERY) == ()


WRONG = {
    "no marker": ('nexusrpc: "1.0.0"', "openapi: 3.1.0", "is no contract file"),
    "a number for a marker": ('nexusrpc: "1.0.0"', "nexusrpc: 1.0", "is no contract file"),
    "no services": ("services:", "servants:", "declares no services"),
    "a key that is none": ("  Bakery:", "  bakery:", "'bakery' is no key; use one like 'OrdersV1'"),
    "two operations of one name": ("fqn: order_bread", "fqn: RingBell", "two operations that are 'RingBell'"),
    "a wire name that is no text": ("fqn: order_bread", "fqn: 7", "the fqn of 'orderBread' is 7"),
    "a reference to nothing": ("#/$defs/Shelf", "#/$defs/Cellar", "'#/$defs/Cellar' leads nowhere"),
    "a reference to no schema": ("#/$defs/Shelf", "#/nexusrpc", "is no schema of one type"),
    "a reference to a file that is not there": ("types/loaf.yaml", "types/roll.yaml", "No such file"),
    "a reference to the internet": ("types/loaf.yaml", "https://example.com/l", "beside the contract only"),
    "a reference out of the folder": ("types/loaf.yaml", "../../etc/passwd", "outside of the contract's folder"),
    "a reference to all of the machine": ("types/loaf.yaml", "/etc/passwd", "outside of the contract's folder"),
    "an anchor": ("#/$defs/Shelf", "#shelf", "names an anchor"),
    "an identity of its own": ("description: For the baker.", "$id: urn:note", "has '$id' in a schema"),
    "a schema that is none": ("type: integer, minimum: 1,", "type: whole, minimum: 1,", "is no JSON Schema of 2020-12"),
    "a number for a schema": ("number: { type: integer, minimum: 1 }", "number: 7", "in the place of a schema"),
    "a promise that is none": ("kind: task", "kind: chore", "orderBread.kind: input should be"),
    "a promise with more in it": ("kind: task", "kind: task\n          color: red", "orderBread.color: extra inputs"),
    "a promise that contradicts itself": ("longest_seconds: 90", "longest_seconds: 1", "latency 0:00:02 is above"),
    "a promise of nothing there": ("Bakery.whatIsThere:", "Bakery.whatWasThere:", "promises something of 'Bakery.what"),
    "a promise made twice": ("Bakery.whatIsThere:", "orderBread:", "the key 'orderBread' is there twice"),
    "a remark that cannot be read": ("kind: task", "kind: [task", "the $comment at"),
    "a description that is no text": ("description: Ring.", "description: [1]", "a description is [1]"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_file_is_said(bakery: Callable[[str, str], Path], old: str, new: str, said: str) -> None:
    with pytest.raises(DocumentError) as refused:
        imported(bakery(old, new))

    assert said in str(refused.value)


def test_a_type_that_only_stands_for_itself_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "round.json"
    file.write_text(
        '{"nexusrpc": "1.0.0", "services": {"Round": {"operations": {"go": {"input": {"$ref": "#/$defs/A"}}}}},'
        ' "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}}'
    )

    with pytest.raises(DocumentError, match="stands for itself only"):
        imported(file)


def test_a_link_does_not_lead_out_of_the_folder_either(bakery: Callable[[str, str], Path], tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("type: object\nproperties: {}\n")
    (tmp_path / "sample" / "types" / "link.yaml").symlink_to(tmp_path / "secret.yaml")

    with pytest.raises(DocumentError, match=r"outside of the contract's folder"):
        imported(bakery("types/loaf.yaml", "types/link.yaml"))


def test_two_services_of_a_file_are_both_read(bakery: Callable[[str, str], Path]) -> None:
    second = "services:\n  Mill:\n    fqn: mill.v1\n    operations:\n      grind: { fqn: grind }\n"

    mill, bread = imported(bakery("services:\n", second))

    assert (mill.description.service, mill.assumed) == ("mill.v1", ("grind",))
    assert bread.description.service == "bakery.v2"


def test_two_services_may_not_become_one(bakery: Callable[[str, str], Path]) -> None:
    second = "services:\n  Mill:\n    fqn: mill.v2\n    operations:\n      grind: { fqn: grind }\n"

    with pytest.raises(DocumentError, match=r"two services that would be 'bakers\.v2'"):
        imported(bakery("services:\n", second), team="bakers")


def test_a_promise_of_two_operations_of_one_key_says_of_which(bakery: Callable[[str, str], Path]) -> None:
    second = "services:\n  Mill:\n    fqn: mill.v1\n    operations:\n      orderBread: {}\n"

    with pytest.raises(DocumentError, match=r"promise something of 'Bakery\.orderBread'"):
        imported(bakery("services:\n", second))
