"""What a server tells Prometheus."""

from collections.abc import Iterator
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gprior_jax.serving.engine import Engine
from gprior_jax.serving.jobs import Job

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250)
"""Upper ends of the histograms' buckets: jobs take from a tenth of a second to minutes."""


class Metrics:
    """Counts jobs and requests of one server."""

    def __init__(self, engine: Engine):
        """Listen to an engine."""
        self._registry = CollectorRegistry()
        common: dict[str, Any] = {"registry": self._registry}
        self._jobs = Counter("gprior_jobs", "jobs that have ended", ["task", "state"], **common)
        self._requests = Counter("gprior_requests", "requests answered", ["route", "status"], **common)
        self._seconds = Histogram(
            "gprior_job_seconds", "from accepting a job to its end", ["task"], buckets=_SECONDS, **common
        )
        self._waited = Histogram(
            "gprior_queue_seconds", "from accepting a job to its first step", ["task"], buckets=_SECONDS, **common
        )
        self._registry.register(_Gauges(engine))
        engine.listeners.append(self._ended)

    def answered(self, route: str, status: int) -> None:
        """A request was answered."""
        self._requests.labels(route, str(status)).inc()

    def text(self) -> bytes:
        """All of it in Prometheus's format."""
        return generate_latest(self._registry)

    def _ended(self, job: Job) -> None:
        task = job.asked.task
        self._jobs.labels(task, job.state.value).inc()
        if job.ended is not None:
            self._seconds.labels(task).observe(job.ended - job.created)
        if job.started is not None:
            self._waited.labels(task).observe(job.started - job.created)


class _Gauges(Collector):
    """What an engine is at, asked when it is told."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges."""
        told = {
            "queued": "jobs that wait",
            "running": "jobs under way",
            "lanes": "kinds of jobs that are ready to run",
            "slots": "jobs that could be under way in them",
            "kept_bytes": "bytes of results that are kept",
        }
        counts = self._engine.counts()
        for name, summary in told.items():
            yield GaugeMetricFamily(f"gprior_{name}", summary, value=counts[name])
