"""The Graph API's answers: errors, limits, pages, the token."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.responses import Response

from connectors import http
from connectors.meta import errors, usage
from connectors.meta.graph import Graph
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Transient, WindowClosed
from tests.connectors.meta.fake import APP_ID, APP_SECRET, TOKEN, Call, GraphApi, Refusal, serving


class Numbers(GraphApi):
    """A list of numbers."""

    async def answer(self, call: Call) -> Any:
        return self.page(call.path, [{"id": str(number)} for number in range(60)], call, 25)


@pytest.fixture
def api() -> Numbers:
    return Numbers()


@pytest.fixture
async def graph(api: Numbers) -> AsyncIterator[Graph]:
    http.allow(["127.0.0.0/8"])
    async with serving(api) as address:
        graph = Graph("Facebook", address, TOKEN, APP_SECRET)
        yield graph
        await graph.aclose()
    http.allow([])


@pytest.mark.parametrize(
    ("code", "subcode", "status", "expected"),
    [
        (190, 463, 401, AuthError),
        (102, 0, 401, AuthError),
        (0, 0, 401, AuthError),
        (10, 0, 403, AuthError),
        (200, 0, 403, AuthError),
        (299, 0, 403, AuthError),
        (3, 0, 400, AuthError),
        (10, 2018278, 400, WindowClosed),
        (10, 2534022, 400, WindowClosed),  # Instagram
        (200, 1545041, 400, WindowClosed),
        (551, 0, 400, WindowClosed),
        (10900, 0, 400, WindowClosed),
        (131047, 0, 400, WindowClosed),
        (4, 0, 403, RateLimited),
        (17, 0, 400, RateLimited),
        (32, 0, 403, RateLimited),
        (613, 0, 400, RateLimited),
        (80001, 2446079, 403, RateLimited),
        (80006, 0, 400, RateLimited),
        (130429, 0, 429, RateLimited),
        (1, 0, 500, Ambiguous),
        (2, 0, 503, Ambiguous),
        (1200, 0, 500, Transient),
        (131016, 0, 500, Transient),
        (999, 0, 500, Ambiguous),
        (100, 33, 400, Permanent),
        (368, 0, 403, RateLimited),
        (506, 0, 400, Permanent),
    ],
)
def test_a_code_means_what_the_documents_say(code: int, subcode: int, status: int, expected: type[ConnectorError]):
    found = errors.fault(json.dumps(Refusal(code, subcode, f"refused {TOKEN}").content).encode())
    error = errors.error("Facebook", status, found, {}, sending=True, secrets=(TOKEN,))
    assert type(error) is expected
    assert TOKEN not in str(error)
    if expected is Ambiguous:
        assert type(errors.error("Facebook", status, found, {}, sending=False, secrets=())) is Transient


@pytest.mark.parametrize(
    ("headers", "code", "seconds"),
    [
        ({}, 4, 300),
        ({}, 131056, 6),
        ({"retry-after": "9"}, 4, 9),
        ({"x-business-use-case-usage": '{"1": [{"type": "pages", "estimated_time_to_regain_access": 19}]}'}, 32, 19 * 60),
        ({"x-business-use-case-usage": '{"1": [{"estimated_time_to_regain_access": 0}]}', "retry-after": "9"}, 32, 9),
        ({"x-business-use-case-usage": '{"1": [{"estimated_time_to_regain_access": 100000}]}'}, 80002, 3600),
        ({"x-app-usage": "nonsense", "x-business-use-case-usage": '{"1": [null, 7], "2": "x"}'}, 4, 300),
    ],
)
def test_waits_as_long_as_the_usage_headers_say(headers: dict[str, str], code: int, seconds: float):
    error = errors.error("Facebook", 400, errors.Fault(code=code), headers, sending=False, secrets=())
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"x-app-usage": '{"call_count":28,"total_time":25,"total_cputime":31}'}, usage.Usage(31, 0)),
        (
            {
                "x-app-usage": '{"call_count":28}',
                "x-business-use-case-usage": '{"1":[{"call_count":1,"estimated_time_to_regain_access":2}],"2":[{"total_time":77}]}',
            },
            usage.Usage(77, 120),
        ),
        ({"x-app-usage": '{"call_count":"many"}'}, usage.Usage(0, 0)),
        ({"x-app-usage": "[1]"}, None),
    ],
)
def test_the_fullest_limit_counts(headers: dict[str, str], expected: usage.Usage | None):
    assert usage.read(headers) == expected


async def test_a_list_is_read_to_its_end_and_the_token_stays_out_of_the_address(graph: Graph, api: Numbers):
    found = [entry["id"] async for page in graph.pages("numbers", limit=25) for entry in page]
    assert found == [str(number) for number in range(60)]
    assert [call.query.get("after") for call in api.calls] == [None, "25", "50"]
    assert all("access_token" not in call.query and call.query["appsecret_proof"] for call in api.calls)


async def test_a_list_without_an_end_is_no_busy_loop(graph: Graph, api: Numbers):
    again = {"data": [], "paging": {"next": "https://graph.facebook.com/numbers?after=1"}}
    api.refusals["GET numbers"] = [Response(json.dumps(again), media_type="application/json")] * 5
    with pytest.raises(Transient):
        [page async for page in graph.pages("numbers")]
    assert len(api.calls) == 2


async def test_standing_tells_how_much_is_used_and_when_the_token_ends(graph: Graph, api: Numbers):
    assert graph.standing.quota_used is None
    api.headers = {"x-business-use-case-usage": '{"1": [{"call_count": 40, "estimated_time_to_regain_access": 0}]}'}
    api.expires_at = 1780000000
    await graph.get("numbers")
    await graph.look_at_token(APP_ID)
    standing = graph.standing
    assert (standing.quota_used, standing.quota_limit, standing.quota_resets_at) == (40, 100, None)
    assert standing.token_expires_at == datetime.fromtimestamp(1780000000, UTC)


async def test_a_token_that_ends_never_has_no_end(graph: Graph, api: Numbers):
    await graph.look_at_token(APP_ID)
    assert graph.standing.token_expires_at is None


async def test_a_token_without_a_needed_permission_is_no_token(graph: Graph, api: Numbers):
    api.scopes = ["pages_messaging"]
    await graph.look_at_token(APP_ID, frozenset({"pages_messaging"}))
    with pytest.raises(AuthError, match="pages_read_engagement"):
        await graph.look_at_token(APP_ID, frozenset({"pages_messaging", "pages_read_engagement"}))


async def test_a_token_that_was_revoked_asks_to_connect_again(graph: Graph, api: Numbers):
    api.token = "another"
    with pytest.raises(AuthError) as failed:
        await graph.get("numbers")
    assert TOKEN not in str(failed.value)
    with pytest.raises(AuthError):
        await graph.look_at_token(APP_ID)


@pytest.mark.parametrize("status", [200, 502])
async def test_html_instead_of_json_passes_by(graph: Graph, api: Numbers, status: int):
    api.refusals["GET numbers"] = [Response("<html>", status)]
    with pytest.raises(Transient):
        await graph.get("numbers")
