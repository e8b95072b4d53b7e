"""The gateway: runs over HTTP, for programs and persons outside of the mesh. No worker is in its process.

`python -m callboard_orchestrator.gateway` serves it; `create_app` builds it.
"""

from callboard_orchestrator.gateway.app import create_app

__all__ = ["create_app"]
