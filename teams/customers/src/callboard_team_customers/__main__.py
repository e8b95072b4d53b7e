"""Run the customers team's worker: `python -m callboard_team_customers`."""

from sqlalchemy.exc import OperationalError

from callboard_kit import serve
from callboard_kit.agent import ModelEndpoint, ModelSettings
from callboard_kit.settings import Settings
from callboard_team_customers.activities import CustomerActivities
from callboard_team_customers.following import FollowOrder, orders_followed
from callboard_team_customers.service import CustomersService
from callboard_team_customers.store import CustomerStore
from callboard_team_customers.workflows import AGENT, Assist, Converse, GetUserDetails, ModifyUserAddress

if __name__ == "__main__":
    store = CustomerStore(Settings.from_environment().store_url("customers"))
    activities = CustomerActivities(store)
    model = ModelEndpoint(ModelSettings.from_environment())
    serve(
        package="callboard_team_customers",
        services=[CustomersService(store)],
        workflows=[Assist, Converse, FollowOrder, GetUserDetails, ModifyUserAddress],
        activities=[model.call_model, activities.keep_news, activities.look_at_customer, activities.move_customer],
        transient=(OperationalError,),
        agents=[AGENT],
        processors=[orders_followed()],
    )
