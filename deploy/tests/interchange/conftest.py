"""Make the modules beside the tests importable by them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
