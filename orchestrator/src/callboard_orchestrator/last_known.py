"""What the teams offered when the registry was last heard: a file, read only while the registry is away."""

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from callboard_contracts import Message
from callboard_kit.agent import OperationTool, ToolIndex

logger: Final = logging.getLogger(__name__)


class Heading(Message):
    """The first line of the file."""

    as_of: str
    """Of the answers that the file was made from."""


class LastKnown:
    """Keeps operations with their schemas on disk, one a line, so that a large catalog is not held in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._index: ToolIndex[OperationTool] | None = None

    def as_of(self) -> str | None:
        """Return what the file is as of; None when there is none that can be used."""
        try:
            with self._path.open("rb") as file:
                return Heading.model_validate_json(file.readline()).as_of
        except FileNotFoundError:
            return None
        except ValidationError as error:
            self._ignored(error)
            return None

    def index(self) -> ToolIndex[OperationTool] | None:
        """Return the operations, ready to be searched; None when nothing is known."""
        if self._index is None and self.as_of() is not None:
            try:
                self._index = ToolIndex(tuple(self._operations()))
            except ValidationError as error:
                self._ignored(error)
        return self._index

    def let_go(self) -> None:
        """Keep nothing of it in memory: the registry answers."""
        self._index = None

    def keep(self, as_of: str, operations: Iterable[bytes]) -> None:
        """Put other operations, as JSON, in place of what is known."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(f".{os.getpid()}.new")
        with fresh.open("wb") as file:
            for line in (Heading(as_of=as_of).model_dump_json().encode(), *operations):
                file.write(line + b"\n")
        # In one step: a process that is killed here leaves the old file or the new one, never half of one.
        fresh.replace(self._path)

    def _operations(self) -> Iterator[OperationTool]:
        with self._path.open("rb") as file:
            next(file)
            for line in file:
                yield OperationTool.model_validate_json(line)

    def _ignored(self, error: ValidationError) -> None:
        logger.warning("the cache %s cannot be used and is ignored: %s", self._path, error)
