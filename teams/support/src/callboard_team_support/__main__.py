"""Run support's worker: `python -m callboard_team_support`."""

from sqlalchemy.exc import OperationalError

from callboard_kit import serve
from callboard_kit.agent import ModelEndpoint, ModelSettings
from callboard_kit.settings import Settings
from callboard_team_support.activities import SupportActivities
from callboard_team_support.service import SupportService
from callboard_team_support.store import HandoverStore
from callboard_team_support.workflows import Assist, TransferToHumanAgents

if __name__ == "__main__":
    store = HandoverStore(Settings.from_environment().store_url("support"))
    activities = SupportActivities(store)
    model = ModelEndpoint(ModelSettings.from_environment())
    serve(
        package="callboard_team_support",
        services=[SupportService()],
        workflows=[Assist, TransferToHumanAgents],
        activities=[model.call_model, activities.keep_case],
        transient=(OperationalError,),
    )
