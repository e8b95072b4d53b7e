"""How long a fresh process needs to import the contracts: everybody who calls anybody pays it."""

import asyncio
import sys
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.processes import BenchError
from bench.results import Bar

LIMIT: Final = Bar(0.25)

_PROGRAM: Final = """
from time import perf_counter, process_time
began, worked = perf_counter(), process_time()
import {module}
print(perf_counter() - began, process_time() - worked)
"""


@dataclass(frozen=True)
class ImportTime:
    """How long one module takes to import."""

    module: str
    seconds: tuple[float, ...]
    """Each time, in a process of its own."""

    processor: tuple[float, ...]
    """How much of each the processor worked for it: what is left when nothing else runs."""

    judged: bool
    """Whether the bar is for it."""

    @property
    def median(self) -> float:
        """Return the time in the middle."""
        return median(self.seconds)

    @property
    def slowest(self) -> float:
        """Return the longest time."""
        return max(self.seconds)

    @property
    def verdict(self) -> str:
        """Return `holds`, `misses` or nothing."""
        if not self.judged:
            return ""
        return "holds" if LIMIT.holds(self.median) else "misses"


async def measure(times: int) -> list[ImportTime]:
    """Import the contracts, and beside them the largest contract, `times` times each."""
    modules = ("callboard_contracts", "callboard_contracts.orders.v1")
    taken: dict[str, list[tuple[float, float]]] = {module: [] for module in modules}
    for _ in range(times):
        for module in modules:
            taken[module].append(await _seconds(module))
    return [
        ImportTime(
            module,
            seconds=tuple(whole for whole, _ in each),
            processor=tuple(worked for _, worked in each),
            judged=module == "callboard_contracts",
        )
        for module, each in taken.items()
    ]


async def _seconds(module: str) -> tuple[float, float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PROGRAM.format(module=module),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, problem = await process.communicate()
    try:
        whole, worked = map(float, out.split())
    except ValueError as error:
        raise BenchError(f"{module} could not be imported: {problem.decode(errors='replace')[-300:]}") from error
    return whole, worked
