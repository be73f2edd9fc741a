"""What came in by a channel, compared with what its platform lists."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from api.commands import console, installation
from api.commands.installation import JsonOption, WorkspaceOption
from api.deps import House
from connectors.host import accounts, reconciling
from connectors.host.accounts import Accounts
from connectors.host.place import Place
from inbox.contract import ConnectorError
from inbox.conversations.reconciliation import Tally
from inbox.errors import Conflict
from inbox.models import Channel
from inbox.team import rights

DAYS = 30


def add_to(app: typer.Typer) -> None:
    app.command()(reconcile)


def reconcile(
    channel_id: Annotated[int, typer.Argument(metavar="CHANNEL", help="Its number; `parley channel list` shows it.")],
    days: Annotated[int, typer.Option(min=1, max=3650, help="Compare the posts on which something happened in so many days.")] = DAYS,
    workspace: WorkspaceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Compare a channel with its platform and fetch what is missing. Ends with 1 when something could not be compared or had."""

    async def find(house: House, session: AsyncSession) -> Channel:
        del house
        return await rights.channel(session, await installation.access(session, workspace), channel_id)

    channel = installation.run(find)
    tally = installation.run(lambda house, session: _compare(house, session, channel, days))
    if as_json:
        console.print_json({"channel": channel.id, "days": days, "complete": tally.is_complete, **asdict(tally)})
    else:
        _say(tally)
    if not tally.is_complete:
        raise typer.Exit(console.FAILED)


async def _compare(house: House, session: AsyncSession, channel: Channel, days: int) -> Tally:
    del session  # each step in a transaction of its own
    open_accounts = Accounts(house.vault, house.settings, house.database)
    place = Place(house.database, house.files, house.settings, open_accounts, "command", clock=house.clock)
    try:
        connector = accounts.connect(channel, house.vault, house.settings, house.database)
    except ConnectorError as error:
        raise Conflict("The account does not work: {reason}", code="check_failed", reason=str(error)) from None
    with ExitStack() as stack:
        bars: list[Callable[[int], None]] = []

        def watch(tally: Tally) -> None:
            """Called once before the first post, and after each."""
            if bars:
                bars[0](1)
            else:
                bars.append(stack.enter_context(console.counting("posts", total=tally.posts)))

        try:
            return await reconciling.compare(place, channel, connector, days=days, watch=watch)
        finally:
            await accounts.close(connector)


def _say(tally: Tally) -> None:
    console.say(f"{tally.compared} of {tally.posts} posts compared: the platform lists {tally.listed} messages, {tally.known} were here.")
    told = [
        (tally.fetched, "were missing and are fetched"),
        (tally.unreadable, "are listed and could not be read"),
        (tally.unlisted, "are here and not listed there any more"),
    ]
    for number, words in told:
        if number:
            console.say(f"{number} {words}.")
    for finding in tally.findings:
        if "problem" in finding:
            console.say(f"Post {finding['post']}: {finding['problem']}")
        elif "theirs" in finding:
            console.say(f"Post {finding['post']}: the platform counts {finding['theirs']} messages, here are {finding['ours']}.")
    if tally.stopped:
        console.say(f"Not everything was compared: {tally.stopped}")
