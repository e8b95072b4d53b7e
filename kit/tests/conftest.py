import sys
from pathlib import Path

# Temporal's sandbox imports workflows by name once more, and the tests share their parts by name.
sys.path.insert(0, str(Path(__file__).parent))
