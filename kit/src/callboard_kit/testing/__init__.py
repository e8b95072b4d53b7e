"""What a team needs to prove its member of the mesh; public, and the only place for fakes."""

from callboard_kit.testing.conversations import InMemoryHistory
from callboard_kit.testing.memories import InMemoryMemories
from callboard_kit.testing.mesh import LocalMesh
from callboard_kit.testing.models import ScriptedModel, calling

__all__ = ["InMemoryHistory", "InMemoryMemories", "LocalMesh", "ScriptedModel", "calling"]
