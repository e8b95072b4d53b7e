import subprocess
import sys
from pathlib import Path

import pytest

from callboard_registry_api.generate import SOURCE, generate


def test_the_committed_stubs_are_what_the_protos_give(tmp_path):
    pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed")

    generated = generate(tmp_path)

    fresh = {path.relative_to(tmp_path): path.read_text() for path in generated}
    committed = {path: (SOURCE / path).read_text() for path in fresh}
    assert committed == fresh, "a proto was changed: run `python -m callboard_registry_api.generate`"
    assert len(fresh) == 3


def test_the_client_brings_nothing_heavy_along():
    code = "import sys; import callboard_registry_api.client; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    packages = {name.partition(".")[0] for name in loaded}
    assert packages >= {"callboard_registry_api", "grpc", "google"}
    assert not packages & {"callboard_contracts", "callboard_kit", "fastapi", "pydantic", "sqlalchemy", "temporalio"}


def test_every_method_has_a_request_and_a_response_of_its_own():
    from callboard_registry_api.v1 import registry_pb2 as pb

    methods = pb.DESCRIPTOR.services_by_name["RegistryService"].methods
    named = {method.name: (method.input_type.name, method.output_type.name) for method in methods}

    assert named == {name: (f"{name}Request", f"{name}Response") for name in named}
    assert {enum.values_by_number[0].name.rpartition("_")[2] for enum in pb.DESCRIPTOR.enum_types_by_name.values()} == {
        "UNSPECIFIED"
    }


def test_the_package_holds_its_protos():
    assert (Path(SOURCE) / "callboard_registry_api" / "v1" / "registry.proto").is_file()
