"""Run support's worker: `python -m callboard_team_support`."""

from sqlalchemy.exc import OperationalError

from callboard_kit import serve
from callboard_kit.settings import Settings
from callboard_team_support.activities import SupportActivities
from callboard_team_support.service import SupportService
from callboard_team_support.store import HandoverStore
from callboard_team_support.workflows import Assist, TransferToHumanAgents

if __name__ == "__main__":
    store = HandoverStore(Settings.from_environment().store_url("support"))
    activities = SupportActivities(store)
    serve(
        package="callboard_team_support",
        services=[SupportService()],
        workflows=[Assist, TransferToHumanAgents],
        activities=[activities.keep_case],
        transient=(OperationalError,),
    )
