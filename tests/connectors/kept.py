"""Secrets in memory, as the host would lend them to a connector."""

from collections.abc import Mapping


class Kept:
    """What was kept, in its order; `secrets` is what stands there now."""

    def __init__(self, **secrets: str) -> None:
        self.secrets = secrets
        self.renewals: list[dict[str, str]] = []

    async def newest(self) -> Mapping[str, str]:
        return self.secrets

    async def keep(self, renewed: Mapping[str, str]) -> None:
        self.renewals.append(dict(renewed))
        self.secrets = {**self.secrets, **renewed}
