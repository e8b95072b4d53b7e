"""The gRPC side: `callboard.registry.v1.RegistryService`, each method one call of the registry."""

from callboard_registry.rpc.budgets import BudgetsRpc
from callboard_registry.rpc.builds import BuildsRpc
from callboard_registry.rpc.calls import CallsRpc
from callboard_registry.rpc.changes import ChangesRpc
from callboard_registry.rpc.compatibility import CompatibilityRpc
from callboard_registry.rpc.discovery import DiscoveryRpc
from callboard_registry.rpc.health import HealthRpc
from callboard_registry.rpc.keys import KeysRpc
from callboard_registry.rpc.listings import ListingsRpc
from callboard_registry.rpc.policies import PoliciesRpc


class RegistryRpc(
    ListingsRpc,
    CompatibilityRpc,
    DiscoveryRpc,
    PoliciesRpc,
    KeysRpc,
    CallsRpc,
    HealthRpc,
    BuildsRpc,
    BudgetsRpc,
    ChangesRpc,
):
    """Serves the registry over gRPC."""
