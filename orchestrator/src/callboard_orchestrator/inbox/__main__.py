"""Run the inbox's worker: `python -m callboard_orchestrator.inbox`."""

from callboard_kit import serve
from callboard_orchestrator.inbox.service import InboxService
from callboard_orchestrator.inbox.workflows import Gate

if __name__ == "__main__":
    serve(package="callboard_orchestrator.inbox", services=[InboxService()], workflows=[Gate])
