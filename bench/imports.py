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
from time import perf_counter
began = perf_counter()
import {module}
print(perf_counter() - began)
"""


@dataclass(frozen=True)
class ImportTime:
    """How long one module takes to import."""

    module: str
    seconds: tuple[float, ...]
    """Each time, in a process of its own."""

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
    seconds: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(times):
        for module in modules:
            seconds[module].append(await _seconds(module))
    return [
        ImportTime(module, tuple(taken), judged=module == "callboard_contracts") for module, taken in seconds.items()
    ]


async def _seconds(module: str) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PROGRAM.format(module=module),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, problem = await process.communicate()
    try:
        return float(out)
    except ValueError as error:
        raise BenchError(f"{module} could not be imported: {problem.decode(errors='replace')[-300:]}") from error
