"""Signs a client of the console in, by a link that the administrator makes."""

from collections.abc import Sequence

import httpx
from publishing_shop import ADMINISTRATOR


async def link_for(
    http: httpx.AsyncClient,
    *,
    name: str = "ada@example.com",
    may: Sequence[str] = ("administrator",),
    roles: Sequence[str] = (),
    minutes: float = 5,
) -> str:
    """Return the path of a link that signs somebody in."""
    answer = await http.post(
        "/v1/signin-links",
        json={"name": name, "granted": {"may": list(may), "roles": list(roles)}, "minutes": minutes},
        headers={"authorization": f"Bearer {ADMINISTRATOR}"},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["path"]


async def signed_in(http: httpx.AsyncClient, **whom: object) -> None:
    """Sign a client in."""
    answer = await http.post(await link_for(http, **whom))  # pyright: ignore[reportArgumentType] - as `link_for` takes it
    assert answer.status_code == 303, answer.text
