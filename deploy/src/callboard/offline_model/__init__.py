"""The offline model: a local server with the OpenAI API that is not a model.

It plays scripts, plans the demo's retail cases from their words with plain
rules, and injects faults on request. Nothing in it learns or guesses; it says
so to whoever asks. Run it with `python -m callboard.offline_model --port N`.
"""

from callboard.offline_model.api import create_app
from callboard.offline_model.faults import FaultPlan, Kind
from callboard.offline_model.ledger import Entry, Ledger
from callboard.offline_model.scripts import Script, Step
from callboard.offline_model.wire import MODEL

__all__ = ["MODEL", "Entry", "FaultPlan", "Kind", "Ledger", "Script", "Step", "create_app"]
