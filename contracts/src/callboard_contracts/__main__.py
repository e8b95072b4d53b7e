"""Print what each service publishes, or write it: one JSON file per service.

python -m callboard_contracts                   the names of the services
python -m callboard_contracts orders.v1         one listing document
python -m callboard_contracts --into DIRECTORY  every listing document, as `<service>.json`
"""

import argparse
import json
import sys
from pathlib import Path

from callboard_contracts.catalog import service_named, services
from callboard_contracts.descriptions import describe


def document(name: str) -> str:
    """The listing document of a service as text: indented JSON, in the order of the contract."""
    return json.dumps(describe(service_named(name)).model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Read the arguments and do what they say."""
    parser = argparse.ArgumentParser(prog="callboard_contracts", description="Show what each service publishes.")
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="print the listing document of this service")
    parser.add_argument("--into", type=Path, metavar="DIRECTORY", help="write every listing document there instead")
    arguments = parser.parse_args()
    into: Path | None = arguments.into
    named: list[str] = arguments.services
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
        for name in services:
            (into / f"{name}.json").write_text(document(name), encoding="utf-8")
    elif named:
        try:
            sys.stdout.write("".join(document(name) for name in named))
        except LookupError as error:
            parser.error(str(error))
    else:
        sys.stdout.write("".join(f"{name}\n" for name in services))


if __name__ == "__main__":
    main()
