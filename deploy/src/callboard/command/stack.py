"""`callboard up`, `down` and `status`: the mesh on this machine."""

import asyncio
import signal
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callboard.command import health
from callboard.command.terminal import home, print_json, print_result, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard.stack.parts import Plan
    from callboard_registry_api.health import ServiceHealth


def up(
    *,
    detach: Annotated[bool, typer.Option("--detach", help="Leave the mesh running and return.")] = False,
    port_base: Annotated[
        int | None, typer.Option("--port-base", help="Take seven ports from here on instead of free ones.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option("--without", help="A team whose worker you run yourself. May be repeated.")
    ] = None,
) -> None:
    """Start the mesh of this machine and keep it running; Ctrl-C stops all of it."""
    asyncio.run(_up(home(), detach=detach, port_base=port_base, without=without or []))


def down() -> None:
    """Stop the mesh of this machine, whatever is left of it."""
    from callboard.stack.lifecycle import stop

    stopped = stop(home())
    say(f"stopped the mesh in {str(home())!r}" if stopped else f"no mesh runs in {str(home())!r}")


def status(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> int:
    """Show each process of the mesh with its state and address, and whether what it serves is served.

    Exit code 1 unless all of them run.
    """
    from callboard.stack.lifecycle import running, states

    found = running(home())
    if found is None:
        if as_json:
            print_json({})
        raise CommandError(f"no mesh runs in {str(home())!r}; start one with 'callboard up'")
    seen = states(found)
    parts: dict[str, dict[str, object]] = {}
    for name, address in found.addresses.items():
        state = seen.get(name)
        parts[name] = {
            "state": state.state if state else "unknown",
            "address": address,
            "pid": state.pid if state else None,
        }
        if name in found.links:
            parts[name]["page"] = found.links[name]
    verdicts, trouble = _verdicts(found.environment)
    for name, part in parts.items():
        if of_team := {each.service: health.as_data(each) for each in verdicts if each.team == name}:
            part["services"] = of_team
    if as_json:
        print_json(parts)
    else:
        for name, part in parts.items():
            print_result(f"{name:14} {part['state']!s:10} {part['address']}  {part.get('page', '')}".rstrip())
        for each in verdicts:
            why = f"  {each.reasons[0]}" if each.reasons else ""
            print_result(f"{each.service:14} {health.in_a_word(each)}{why}")
        if trouble:
            say(f"whether services are served is not known: {trouble}")
    return 0 if all(part["state"] == "running" for part in parts.values()) else 1


def _verdicts(environment: Mapping[str, str]) -> "tuple[list[ServiceHealth], str]":
    """Return the registry's verdicts, or why there are none."""
    from callboard.stack.enrolment import administrator_token
    from callboard_registry_api.client import RegistryClient
    from callboard_registry_api.errors import RegistryError

    async def fetch() -> "list[ServiceHealth]":
        # Reading may need a proof, and whoever started the stack has this one.
        token = administrator_token(Path(environment["CALLBOARD_HOME"]))
        async with RegistryClient(environment["CALLBOARD_REGISTRY"], administrator_token=token) as registry:
            return [each async for each in registry.health.all()]

    try:
        return asyncio.run(fetch()), ""
    except RegistryError as error:
        return [], str(error)


async def _up(folder: Path, *, detach: bool, port_base: int | None, without: list[str]) -> None:
    from callboard.command.watching import view_for_terminal
    from callboard.stack.lifecycle import started

    async def work() -> None:
        with view_for_terminal() as view:
            async with started(
                folder, say=view.say, changed=view.changed, port_base=port_base, without=without, keep=lambda: detach
            ) as stack:
                for name, link in stack.plan.links.items():
                    view.say(f"{name}: {link}")
                view.say(f"sign in: {await _link(stack.plan)}")
                if detach:
                    view.say("the mesh is up; 'callboard status' shows it, 'callboard down' stops it")
                    return
                view.say(f"the mesh is up, logs are in {str(folder / 'logs')!r}; Ctrl-C stops it")
                try:
                    await stack.watch(changed=view.changed)
                finally:
                    view.say("stopping the mesh")

    await until_told_to_stop(work())


async def _link(planned: "Plan") -> str:
    """Return a link that signs whoever starts the mesh in to its console."""
    from callboard.stack.enrolment import administrator_token
    from callboard.stack.signing_in import MINUTES, make_link, own_name

    console = planned.links["console"].removesuffix("/catalog")
    try:
        made = await make_link(console, token=administrator_token(planned.home), name=own_name())
    except CommandError as error:
        return f"not possible, {error}"
    return f"{made} (good once, for {MINUTES:g} minutes; 'callboard persons link' makes another)"


async def until_told_to_stop(work: Coroutine[object, object, None]) -> bool:
    """Do `work` until it is done or this process is told to stop, once; return whether it was done."""
    task = asyncio.ensure_future(work)
    asked: list[int] = []

    def ask(number: int) -> None:
        # Only once: asking again must not interrupt the stopping.
        if not asked:
            asked.append(number)
            task.cancel()

    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, ask, number)
    try:
        await task
    except asyncio.CancelledError:
        if not asked:
            raise
        return False
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
    return True
