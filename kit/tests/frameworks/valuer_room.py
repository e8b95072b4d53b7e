"""A team that writes its operation with Pydantic AI: the example of docs/another-framework.md, word for word."""

# [room]
from nexusrpc.handler import service_handler
from temporalio import nexus, workflow

from callboard_contracts import MeshError, Message, RefusedError, Usage
from callboard_kit import mesh

with workflow.unsafe.imports_passed_through():
    import pydantic_ai.models.openai  # noqa: F401 - loading it takes longer than a workflow may
    from pydantic_ai import Agent, UsageLimits
    from pydantic_ai.durable_exec.temporal import PydanticAIWorkflow, TemporalDurability
    from pydantic_ai.exceptions import UsageLimitExceeded
    from valued import Article, Question, Shop, Valuation, Valuer


class Opinion(Message):
    """What the model answers with."""

    answer: str
    usd: float


AGENT = Agent(
    "openai-chat:offline-script-player",
    name="valuer",
    instructions="Value what is asked about. Ask the shop for prices.",
    output_type=Opinion,
    capabilities=[TemporalDurability()],  # Model calls, and tools that say nothing else, run as activities.
    defer_model_check=True,  # The model's address and key are looked for where it is asked, in the activity.
)


# False: it runs in the workflow, where the call of another team belongs.
@AGENT.tool_plain(metadata={"temporal": False})
async def price(name: str) -> dict[str, object]:
    """Tell what an article costs in the shop."""
    shop = workflow.create_nexus_client(service=Shop, endpoint="shop")
    try:
        found = await shop.execute_operation(Shop.price, Article(name=name))
    except MeshError as error:
        return {"error": str(error)}  # For the model to go on with.
    return found.model_dump()


@workflow.defn
class Value(PydanticAIWorkflow):
    """Values what is asked about."""

    __pydantic_ai_agents__ = (AGENT,)

    @workflow.run
    async def run(self, question: Question) -> Valuation:
        """Let the model work within what the tree of calls has left."""
        limits = mesh.current().limits
        try:
            done = await AGENT.run(
                question.text, usage_limits=UsageLimits(request_limit=limits.steps, total_tokens_limit=limits.tokens)
            )
        except UsageLimitExceeded as error:
            raise RefusedError(f"valuing takes more than is left: {error}") from error
        used = done.usage
        usage = Usage(
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            model_calls=used.requests,
            tool_calls=used.tool_calls,
        )
        return Valuation(answer=done.output.answer, usd=done.output.usd, usage=usage)


@service_handler(service=Valuer)
class ValuerService:
    """Serves `valuer.v1`."""

    @nexus.workflow_run_operation
    async def value(
        self, ctx: nexus.WorkflowRunOperationContext, question: Question
    ) -> nexus.WorkflowHandle[Valuation]:
        """Start one `Value` per request, however often it is delivered."""
        return await mesh.start_workflow(ctx, Value.run, question)
