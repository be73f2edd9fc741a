"""The figures and the waits as files: CSV for spreadsheets, Parquet for everything that reckons on."""

import asyncio
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from fastapi import APIRouter, Response

from api import sheets
from api.deps import AccessDep, SessionDep, SettingsDep
from api.pages.metrics import asked
from api.pages.metrics.asked import BasisDep, ChoicesDep
from inbox.errors import Unusable
from inbox.promptness.question import Cut, State

router = APIRouter()

PARQUET = "application/vnd.apache.parquet"


@router.get("/metrics.csv")
async def figures_csv(choices: ChoicesDep, basis: BasisDep, access: AccessDep, session: SessionDep, settings: SettingsDep) -> Response:
    """The figures of every cut, as on the page."""
    from inbox.promptness import metrics

    setting = settings.member_figures
    found = await metrics.figures(session, access, basis, [(cut, choices.metric) for cut in Cut], member_figures=setting)
    names = await asked.names(session, access, setting)
    within = int(choices.question.within)
    rows: list[Sequence[object]] = []
    header = ("cut", "name", "metric", "cohort", "within_seconds", *(each.name for each in fields(metrics.Figure)))
    for (cut, metric), told in found.items():
        for figure in told:
            name = names.get(cut.value, {}).get(figure.key, "") if isinstance(figure.key, int) else (figure.key or "")
            rows.append((cut.value, name, metric.value, choices.question.cohort.value, within, *asdict(figure).values()))
    return sheets.download(f"figures-{_period(choices)}.csv", header, rows)


@router.get("/metrics/waits.csv")
async def waits_csv(
    choices: ChoicesDep, basis: BasisDep, access: AccessDep, session: SessionDep, settings: SettingsDep, state: State = State.ALL
) -> Response:
    """The waits behind the figures, one in each row."""
    from inbox.promptness import behind, members

    rows = behind.chosen(basis, state, None)
    told = behind.columns(basis, access, settings.member_figures, rows)
    members.record_looks(session, access, _named(told), now=choices.question.now)
    return sheets.download(f"waits-{_period(choices)}.csv", behind.HEADER, behind.lines(told))


@router.get("/metrics/waits.parquet")
async def waits_parquet(
    choices: ChoicesDep, basis: BasisDep, access: AccessDep, session: SessionDep, settings: SettingsDep, state: State = State.ALL
) -> Response:
    """The same for programs that read columns."""
    from inbox.promptness import behind, members

    told = behind.columns(basis, access, settings.member_figures, behind.chosen(basis, state, None))
    members.record_looks(session, access, _named(told), now=choices.question.now)
    return await parquet(f"waits-{_period(choices)}", {name: told[name] for name in behind.HEADER})


async def parquet(name: str, columns: Mapping[str, Sequence[object]]) -> Response:
    """These columns as a file to keep, written beside the loop."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise Unusable("Parquet files need the extra “parquet”: pip install 'parley[parquet]'. CSV works without.") from error

    def written() -> bytes:
        file = io.BytesIO()
        table: Any = arrow.table  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # the library is untyped
        write: Any = parquet.write_table  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # same
        write(table(dict(columns)), file, compression="zstd")
        return file.getvalue()

    headers = {"Content-Disposition": f'attachment; filename="{name}.parquet"', "Cache-Control": "no-store"}
    return Response(await asyncio.to_thread(written), media_type=PARQUET, headers=headers)


def _named(told: dict[str, list[object]]) -> list[int]:
    return sorted({member for member in told["member"] if isinstance(member, int)})


def _period(choices: ChoicesDep) -> str:
    return f"{choices.metric.value}-{choices.question.since:%Y-%m-%d}-{choices.days}-days"
