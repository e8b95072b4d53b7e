"""What is seen from above: who calls whom, which runs there were, where they get stuck. Made for people who look."""

from callboard_registry.overview.overview import Overview

__all__ = ["Overview"]
