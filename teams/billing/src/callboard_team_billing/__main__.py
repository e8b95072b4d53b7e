"""Run billing's worker: `python -m callboard_team_billing`."""

from sqlalchemy.exc import OperationalError

from callboard_kit import serve
from callboard_kit.settings import Settings
from callboard_team_billing.activities import BillingActivities
from callboard_team_billing.service import BillingService
from callboard_team_billing.store import Ledger
from callboard_team_billing.workflows import Charge, Refund, Reverse

if __name__ == "__main__":
    ledger = Ledger(Settings.from_environment().store_url("billing"))
    activities = BillingActivities(ledger)
    serve(
        package="callboard_team_billing",
        services=[BillingService(ledger)],
        workflows=[Charge, Refund, Reverse],
        activities=[activities.charge, activities.refund, activities.reverse],
        transient=(OperationalError,),
    )
