"""What a team needs to prove its member of the mesh; public, and the only place for fakes."""

from callboard_kit.testing.mesh import LocalMesh

__all__ = ["LocalMesh"]
