"""What one process measures of itself, and what monitoring reads of the installation (Prometheus)."""

import time
from collections.abc import Callable, Iterator

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inbox.vitals import ChannelVitals, Vitals

BUCKETS = (0.005, 0.015, 0.05, 0.15, 0.5, 1.5, 5, 15)


class Measures:
    """The counters of one process. With several web processes each answer tells those of the one that gave it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.latency = Histogram(
            "parley_request_seconds", "Time to answer a request.", ("method", "route", "status"), buckets=BUCKETS, registry=self.registry
        )
        self.sockets = Gauge("parley_sockets", "Open websockets of this process.", registry=self.registry)


class Measuring:
    """Times every request and counts the open sockets. Routes are named by their pattern, never by the address that was asked."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self.app = app
        self.measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._time(scope, receive, send)
        elif scope["type"] == "websocket":
            with self.measures.sockets.track_inprogress():
                await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _time(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "") or "other"
            self.measures.latency.labels(scope["method"], route, str(status)).observe(time.perf_counter() - began)


def install(app: FastAPI) -> None:
    """Measure everything that the app answers."""
    app.state.measures = Measures()
    app.add_middleware(Measuring, measures=app.state.measures)


def text(measures: Measures, vitals: Vitals) -> bytes:
    """Everything in Prometheus' text format."""
    of_installation = CollectorRegistry()
    of_installation.register(Installation(vitals))
    return generate_latest(measures.registry) + generate_latest(of_installation)


class Installation(Collector):
    """The numbers of the whole installation, as they were read. Channels are told by number and platform, never by name."""

    def __init__(self, vitals: Vitals) -> None:
        self.vitals = vitals

    def collect(self) -> Iterator[Metric]:
        for name, help_text, value in self._numbers():
            family = GaugeMetricFamily(name, help_text)
            if value is not None:
                family.add_metric([], float(value))
            yield family
        yield from self._channels()

    def _numbers(self) -> list[tuple[str, str, float | None]]:
        vitals = self.vitals
        return [
            ("parley_held", "1 while a restored installation waits for `parley resume`.", vitals.held),
            ("parley_events_last_id", "Id of the newest event of the log.", vitals.last_event_id),
            ("parley_replies_queued", "Replies that are due and not sent yet.", vitals.queued),
            ("parley_replies_scheduled", "Replies that leave later.", vitals.scheduled),
            ("parley_replies_oldest_seconds", "How long the oldest due reply has been due.", vitals.oldest_queued_seconds or 0),
            ("parley_replies_ambiguous", "Replies that may have been sent: a person decides.", vitals.ambiguous),
            ("parley_replies_failed", "Replies that were not delivered.", vitals.failed),
            ("parley_waits_open", "Customers who wait for an answer.", vitals.open_waits),
            ("parley_waits_oldest_seconds", "How long the longest has waited.", vitals.oldest_wait_seconds or 0),
            (
                "parley_alerts_oldest_seconds",
                "How long the oldest alert has been due that nobody was told of.",
                vitals.oldest_alert_seconds or 0,
            ),
            ("parley_alerts_failed", "Messages about alerts that could not be delivered within the last hour.", vitals.failed_alerts),
            ("parley_dead_letters", "Payloads that could not be read and were not replayed.", vitals.dead_letters),
            ("parley_database_connections", "Connections of the database server.", vitals.connections),
            ("parley_database_connections_max", "How many it allows.", vitals.max_connections),
        ]

    def _channels(self) -> Iterator[Metric]:
        labels = ("channel", "platform")
        state = GaugeMetricFamily("parley_channel_state", "1 for the state that the channel is in.", labels=(*labels, "state"))
        numbers: dict[str, tuple[str, Callable[[ChannelVitals], float | None]]] = {
            "lag_seconds": ("How late its newest live message reached us.", lambda channel: channel.lag_seconds),
            "silent_seconds": ("Since its last event or successful look.", lambda channel: channel.silent_seconds),
            "silent": ("1 while nothing has come for unusually long.", lambda channel: channel.silent_since is not None),
            "quota_used": ("What the platform has counted of its quota.", lambda channel: channel.quota_used),
            "quota_limit": ("How much it allows.", lambda channel: channel.quota_limit),
            "token_seconds": ("Until its credentials end; negative when they have.", lambda channel: channel.token_seconds),
            "gaps_open": ("Holes that the platform could not fill and nobody has looked into.", lambda channel: channel.open_gaps),
        }
        families = {name: GaugeMetricFamily(f"parley_channel_{name}", told, labels=labels) for name, (told, _) in numbers.items()}
        for channel in self.vitals.channels:
            of = [str(channel.id), channel.platform]
            state.add_metric([*of, channel.state], 1)
            for name, (_, value) in numbers.items():
                if (number := value(channel)) is not None:
                    families[name].add_metric(of, float(number))
        yield from (state, *families.values())
