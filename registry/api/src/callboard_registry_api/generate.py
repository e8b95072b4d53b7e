"""Generates the stubs from the protos: `python -m callboard_registry_api.generate [FOLDER]`.

The generated files are committed, so that installing this room needs no compiler; a test generates them again and
compares. Needs `grpcio-tools`, which only those who change a proto have to have.
"""

import sys
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Final, Protocol, cast

SOURCE: Final = Path(__file__).resolve().parent.parent
PROTOS: Final = ("callboard_registry_api/v1/registry.proto",)


class _Compiler(Protocol):
    def main(self, arguments: list[str]) -> int: ...


def generate(folder: Path) -> tuple[Path, ...]:
    """Write the stubs of every proto below `folder` and return their paths.

    Raises:
        RuntimeError: The compiler refused a proto; it has said why on standard error.
    """
    # By name: the compiler carries no types, and readers of this package need not have it.
    compiler = cast(_Compiler, import_module("grpc_tools.protoc"))
    well_known = str(files("grpc_tools") / "_proto")
    outputs = [f"--{kind}_out={folder}" for kind in ("python", "pyi", "grpc_python")]
    if compiler.main(["protoc", f"-I{SOURCE}", f"-I{well_known}", *outputs, *PROTOS]) != 0:
        raise RuntimeError(f"the compiler refused one of {PROTOS!r}")
    stems = [folder / proto.removesuffix(".proto") for proto in PROTOS]
    return tuple(
        stem.with_name(stem.name + suffix) for stem in stems for suffix in ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py")
    )


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE)
