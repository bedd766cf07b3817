"""Traces by OpenTelemetry: the spans of a request, the trace of its client, and a real receiver of OTLP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

from fotapool.app import Server
from fotapool.core.clock import FixedClock, MovableClock
from fotapool.core.settings import Settings
from fotapool.core.telemetry.otel import OtelTracing
from support.helpers import ACCOUNT, NOW_MS, OPERATOR, SEED, Api, seed_file
from support.receivers import Receiver, running_receiver
from support.servers import ServerInThread, running_server

TRACE, PARENT = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
SAMPLED = {"traceparent": f"00-{TRACE:032x}-{PARENT:016x}-01"}


class Spans:
    """The spans of a server that records those of clients that record theirs."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracing = OtelTracing(SimpleSpanProcessor(self.exporter), ParentBased(ALWAYS_OFF))

    def ended(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
def traced(database_url: str, tmp_path: Path, spans: Spans) -> Iterator[Api]:
    settings = Settings(
        database=database_url,
        emulator=True,
        operator_key=OPERATOR,
        storage=(tmp_path / "files").as_uri(),
        seed=seed_file(tmp_path, SEED),
    )
    server = Server(settings, MovableClock(FixedClock(NOW_MS)), tracing=spans.tracing)
    running = ServerInThread(server)
    api = Api(running.client, server)
    api.sign_in()
    yield api
    running.stop()


def assign(api: Api, headers: dict[str, str]) -> httpx.Response:
    body = {"deviceList": ["990000000000001"]}
    return api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", body, headers=headers)


def test_a_request_continues_the_trace_of_its_client_down_to_the_statements(traced: Api, spans: Spans) -> None:
    assert spans.ended() == []
    assert assign(traced, SAMPLED).status_code == 200
    found = {span.name: span for span in spans.ended()}
    request, batch = found["v3 assign_licenses"], found["writer batch"]
    assert {span.context.trace_id for span in found.values() if span.context} == {TRACE}
    assert request.parent is not None
    assert (request.parent.span_id, request.parent.is_remote) == (PARENT, True)
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "fotapool.api": "v3",
        "fotapool.operation": "assign_licenses",
        "http.response.status_code": 200,
        "fotapool.account": ACCOUNT,
    }
    assert request.context is not None
    assert batch.context is not None
    assert batch.parent is not None
    assert batch.parent.span_id == request.context.span_id
    assert (batch.attributes or {})["fotapool.batch.commands"] == 1
    inside = {name for name, span in found.items() if span.parent and span.parent.span_id == batch.context.span_id}
    assert {name.rpartition(".")[2] for name in inside} >= {"lock_pools", "load", "record", "commit"}
    reads = {name for name, span in found.items() if span.parent and span.parent.span_id == request.context.span_id}
    assert reads - {"writer batch"}, "the sign-in and the account are read"


def test_what_is_not_sampled_leaves_no_span_and_neither_does_work_that_follows(traced: Api, spans: Spans) -> None:
    assert assign(traced, {}).status_code == 200
    assert assign(traced, {"traceparent": SAMPLED["traceparent"][:-1] + "0"}).status_code == 200
    assert assign(traced, {"traceparent": "nonsense"}).status_code == 200
    assert spans.ended() == []
    assert assign(traced, SAMPLED).status_code == 200
    count = len(spans.ended())
    assert assign(traced, {}).status_code == 200
    assert len(spans.ended()) == count


def test_random_paths_are_no_names_of_spans(traced: Api, spans: Spans) -> None:
    traced.http.get("/api/fota/v3/secret/path", headers=SAMPLED)
    assert [span.name for span in spans.ended()] == ["v3 unknown"]
    assert "fotapool.account" not in (spans.ended()[0].attributes or {})


def test_a_request_without_traces_counts_as_with_them(traced: Api) -> None:
    assign(traced, SAMPLED)
    text = traced.http.get("/metrics").text
    assert 'operation="assign_licenses",plane="v3",status="200"} 1.0' in text


def test_opentelemetry_is_not_imported_unless_it_is_on() -> None:
    program = "import fotapool.app, fotapool.cli.server.serve, sys; print([m for m in sys.modules if 'telemetry' in m])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "opentelemetry" not in done.stdout
    assert "fotapool.core.telemetry.tracing" in done.stdout


def test_without_the_packages_the_option_says_what_to_install() -> None:
    program = """
import sys
sys.modules["opentelemetry"] = None
from fotapool.core.telemetry.start import start_tracing
start_tracing(True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "pip install 'fotapool[otel]'" in done.stderr


def _taken(receiver: Receiver, path: str) -> list[bytes]:
    return [one.body for one in list(receiver.seen) if one.path == path]


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


def test_a_server_sends_traces_and_metrics_by_otlp(collector: Receiver, tmp_path: Path) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url.removesuffix("/callbacks"),
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_TRACES_SAMPLER": "parentbased_always_off",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
    }
    seed = seed_file(tmp_path, SEED)
    with running_server("emulate", "--otel", "--seed", seed, **environment) as (address, process):
        headers = {"Authorization": "Bearer operator", **SAMPLED}
        assert httpx.get(f"{address}/control/v1/accounts", headers=headers, trust_env=False).status_code == 200
        process.terminate()
        assert process.wait(120) == 0
    spans = [
        span
        for body in _taken(collector, "/v1/traces")
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert "operator list_accounts" in {span.name for span in spans}
    assert {span.trace_id.hex() for span in spans} == {f"{TRACE:032x}"}
    sent = ExportMetricsServiceRequest.FromString(_taken(collector, "/v1/metrics")[-1]).resource_metrics[0]
    attributes = {one.key: one.value.string_value for one in sent.resource.attributes}
    assert attributes["service.name"] == "fotapool"
    assert attributes["deployment.environment.name"] == "test"
    metrics = {one.name: one for one in sent.scope_metrics[0].metrics}
    assert metrics["fotapool_accounts"].gauge.data_points[0].as_double == 2
    requests = metrics["fotapool_http_requests"].sum
    assert requests.is_monotonic
    assert sum(point.as_double for point in requests.data_points) == 1
    durations = metrics["fotapool_http_request_duration_seconds"].histogram.data_points[0]
    assert (durations.count, sum(durations.bucket_counts)) == (1, 1)
    assert len(durations.bucket_counts) == len(durations.explicit_bounds) + 1
    assert not durations.HasField("max")
