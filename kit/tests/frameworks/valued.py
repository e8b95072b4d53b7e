"""The contracts of the example in docs/another-framework.md, and the teams that its own room is asked by and asks."""

from datetime import timedelta
from typing import Final

import nexusrpc
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import workflow

from callboard_contracts import Message, RefusedError, Usage, promise
from callboard_kit import mesh

SOON: Final = timedelta(seconds=1)


class Article(Message):
    """Something that a shop may have."""

    name: str


class Price(Message):
    """What it costs there."""

    usd: float


class Question(Message):
    """What is to be valued."""

    text: str


class Valuation(Message):
    """What it is worth."""

    answer: str
    usd: float
    usage: Usage = Usage()


@nexusrpc.service(name="shop.v1")
class Shop:
    """Knows what things cost."""

    price: nexusrpc.Operation[Article, Price] = promise(
        kind="query", effect="read", latency=SOON, longest=timedelta(seconds=20)
    )
    """Tell what an article costs."""


@nexusrpc.service(name="valuer.v1")
class Valuer:
    """Values things."""

    value: nexusrpc.Operation[Question, Valuation] = promise(
        kind="agent", effect="read", latency=timedelta(seconds=5), longest=timedelta(minutes=2)
    )
    """Tell what something is worth, asked in words."""


@service_handler(service=Shop)
class ShopService:
    """Serves `shop.v1`, and remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    @sync_operation
    async def price(self, _ctx: StartOperationContext, article: Article) -> Price:
        self.asked.append((mesh.current().caller, article.name))
        if article.name == "moon":
            raise RefusedError("the moon is not for sale")
        return Price(usd=40)


@workflow.defn
class Wonder:
    """Asks the valuer, as another team does."""

    @workflow.run
    async def run(self, text: str) -> Valuation:
        valuer = workflow.create_nexus_client(service=Valuer, endpoint="valuer")
        # Few steps are enough, and a model that never ends is found out soon.
        with mesh.tightened(mesh.current().limits.model_copy(update={"steps": 4})):
            return await valuer.execute_operation(Valuer.value, Question(text=text))
