"""What HTTP answers about what runs."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from callboard_registry.registry import Registry
from callboard_registry.web import shapes
from callboard_registry.web.moments import moment
from callboard_registry_api.health import ObservedEndpoint, ObservedQueue, ObserverJob, ServiceHealth, Worker


def health_router(registry: Registry) -> APIRouter:
    """Serve verdicts, workers, endpoints and what the observer does."""
    router = APIRouter()

    @router.get("/v1/health", response_model=shapes.Health)
    async def health(team: str = "", page_size: int = 0, page_token: str = "") -> JSONResponse:
        """Tell of every service whether it is served, and if not, why."""
        page = await registry.health.all(team=team, size=page_size, page_token=page_token)
        shown = [shown_health(each) for each in page.items]
        return JSONResponse({"health": shown, "next_page_token": page.next_page_token})

    @router.get("/v1/health/{service}", response_model=shapes.ServiceHealth)
    async def health_of(service: str) -> JSONResponse:
        """Tell whether a service is served, and if not, why."""
        return JSONResponse(shown_health(await registry.health.of(service)))

    @router.get("/v1/workers", response_model=shapes.Workers)
    async def workers(
        team: str = "", service: str = "", past: bool = False, page_size: int = 0, page_token: str = ""
    ) -> JSONResponse:
        """List the workers that are there; with `past` also those that were within a day."""
        page = await registry.health.list_workers(
            team=team, service=service, past=past, size=page_size, page_token=page_token
        )
        shown = [shown_worker(each) for each in page.items]
        return JSONResponse({"workers": shown, "next_page_token": page.next_page_token})

    @router.get("/v1/teams", response_model=shapes.Teams)
    async def teams(page_size: int = 0, page_token: str = "") -> JSONResponse:
        """List who answers for each team, as its workers said last."""
        page = await registry.health.list_teams(size=page_size, page_token=page_token)
        return JSONResponse({"teams": [vars(each) for each in page.items], "next_page_token": page.next_page_token})

    @router.get("/v1/endpoints", response_model=shapes.Endpoints)
    async def endpoints(page_size: int = 0, page_token: str = "") -> JSONResponse:
        """List Nexus endpoints as the observer saw them last, with what is amiss."""
        page = await registry.health.list_endpoints(size=page_size, page_token=page_token)
        shown = [shown_endpoint(each) for each in page.items]
        return JSONResponse({"endpoints": shown, "next_page_token": page.next_page_token})

    @router.get("/v1/queues", response_model=shapes.Queues)
    async def queues(page_size: int = 0, page_token: str = "") -> JSONResponse:
        """List task queues that calls lead to or workers work on, with who asks them for work and what waits."""
        page = await registry.health.list_queues(size=page_size, page_token=page_token)
        shown = [shown_queue(each) for each in page.items]
        return JSONResponse({"queues": shown, "next_page_token": page.next_page_token})

    @router.get("/v1/observer", response_model=shapes.Jobs)
    async def observer() -> JSONResponse:
        """Tell what the observer does, and how it went the last time."""
        return JSONResponse({"jobs": [shown_job(each) for each in await registry.health.list_jobs()]})

    del health, health_of, workers, teams, endpoints, queues, observer  # they live in the router now
    return router


def shown_health(health: ServiceHealth) -> dict[str, object]:
    """Return a verdict as JSON holds it."""
    return {
        "service": health.service,
        "team": health.team,
        "verdict": health.verdict,
        "reasons": list(health.reasons),
        "remarks": list(health.remarks),
        "as_of": None if health.as_of is None else moment(health.as_of),
        "stale": health.stale,
        "workers": health.workers,
        "builds": list(health.builds),
    }


def shown_worker(worker: Worker) -> dict[str, object]:
    """Return a worker as JSON holds it."""
    return {
        "team": worker.team,
        "worker": worker.worker,
        "state": worker.state,
        "namespace": worker.namespace,
        "task_queue": worker.task_queue,
        "identity": worker.identity,
        "build": worker.build,
        "kit_version": worker.kit_version,
        "sdk_version": worker.sdk_version,
        "serves": [vars(each) for each in worker.serves],
        "started": moment(worker.started),
        "seen": moment(worker.seen),
        "polled": None if worker.polled is None else moment(worker.polled),
        "every_seconds": worker.every.total_seconds(),
    }


def shown_endpoint(endpoint: ObservedEndpoint) -> dict[str, object]:
    """Return an endpoint as JSON holds it."""
    return {
        "name": endpoint.name,
        "namespace": endpoint.namespace,
        "task_queue": endpoint.task_queue,
        "wanted_namespace": endpoint.wanted_namespace,
        "wanted_task_queue": endpoint.wanted_task_queue,
        "services": list(endpoint.services),
        "drift": [vars(each) for each in endpoint.drift],
        "as_of": moment(endpoint.as_of),
    }


def shown_queue(queue: ObservedQueue) -> dict[str, object]:
    """Return a task queue as JSON holds it."""
    return {
        "namespace": queue.namespace,
        "task_queue": queue.task_queue,
        "tasks": [
            {
                "kind": each.kind,
                "pollers": [{"identity": one.identity, "last": moment(one.last)} for one in each.pollers],
                "backlog": each.backlog,
                "oldest_seconds": each.oldest.total_seconds(),
                "congested": each.congested,
            }
            for each in queue.tasks
        ],
        "error": queue.error,
        "as_of": moment(queue.as_of),
    }


def shown_job(job: ObserverJob) -> dict[str, object]:
    """Return one of the observer's jobs as JSON holds it."""
    return {
        "name": job.name,
        "process": job.process,
        "every_seconds": job.every.total_seconds(),
        "ended": moment(job.ended),
        "succeeded": None if job.succeeded is None else moment(job.succeeded),
        "error": job.error,
        "overdue": job.overdue,
    }
