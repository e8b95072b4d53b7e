"""What every family of methods stands on."""

from callboard_registry.registry import Registry
from callboard_registry_api.v1.registry_pb2_grpc import RegistryServiceServicer


class Family(RegistryServiceServicer):
    """Some methods of the service; `RegistryRpc` is all families in one.

    What a family does not override answers UNIMPLEMENTED.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
