"""Run support's worker: `python -m callboard_team_support`."""

from sqlalchemy.exc import OperationalError

from callboard_kit import serve
from callboard_kit.agent import ModelEndpoint, ModelSettings
from callboard_kit.conversations.activities import HistoryActivities
from callboard_kit.conversations.history import RedisHistory
from callboard_kit.memory.activities import MemoryActivities
from callboard_kit.memory.store import RedisMemories
from callboard_kit.settings import Settings
from callboard_team_support.activities import SupportActivities
from callboard_team_support.conversations import AGENT as TALKING_AGENT
from callboard_team_support.conversations import Conversation
from callboard_team_support.service import SupportService
from callboard_team_support.store import HandoverStore
from callboard_team_support.workflows import AGENT, Assist, TransferToHumanAgents

if __name__ == "__main__":
    settings = Settings.from_environment()
    store = HandoverStore(settings.store_url("support"))
    history = RedisHistory.of(settings, "support")
    memories = RedisMemories.of(settings, "support")
    activities = SupportActivities(store)
    model = ModelEndpoint(ModelSettings.from_environment())
    serve(
        package="callboard_team_support",
        services=[SupportService(history)],
        workflows=[Assist, Conversation, TransferToHumanAgents],
        activities=[
            model.call_model,
            activities.keep_case,
            *HistoryActivities(history).all,
            *MemoryActivities(memories).all,
        ],
        transient=(OperationalError,),
        agents=[AGENT, TALKING_AGENT],
    )
