"""`callboard example`: the shop that the five example teams work in."""

from pathlib import Path
from typing import Annotated

import typer

from callboard.command.terminal import home, say
from callboard.failures import CommandError

app = typer.Typer(help="Fills the example teams' stores, and writes them back.", no_args_is_help=True)


@app.command("load")
def load_example(
    file: Annotated[Path | None, typer.Argument(help="JSON with users, orders and products. Absent: made up.")] = None,
    *,
    seed: Annotated[int, typer.Option("--seed", help="For a made-up shop: the same seed makes the same shop.")] = 1,
    customers: Annotated[int, typer.Option("--customers", min=1, help="For a made-up shop: how many.")] = 500,
) -> None:
    """Fill the stores from a file, or with a made-up shop, in place of everything they hold."""
    from callboard import example

    try:
        records = (
            example.fill(example.generate(seed, customers), home()) if file is None else example.load(file, home())
        )
    except FileNotFoundError as error:
        raise CommandError(f"there is no file {str(file)!r}; leave it out to have a shop made up") from error
    except OSError as error:
        raise CommandError(f"{str(file)!r} cannot be read: {error.strerror or error}") from error
    except example.ExampleFileError as error:
        raise CommandError(f"{error}; 'callboard example dump' writes a file as it should be") from error
    say(f"loaded {len(records.users)} customers, {len(records.orders)} orders, {len(records.products)} products")


@app.command("dump")
def dump_example(file: Annotated[Path, typer.Argument(help="Where to write.")]) -> None:
    """Write what the stores hold to a file that `load` can read."""
    from callboard import example

    try:
        example.dump(file, home())
    except OSError as error:
        raise CommandError(f"{str(file)!r} cannot be written: {error.strerror or error}") from error
    say(f"wrote {str(file)!r}")
