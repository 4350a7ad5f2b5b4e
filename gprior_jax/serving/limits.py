"""What one server takes on."""

import dataclasses

from gprior_jax.checks import check_fields
from gprior_jax.errors import ArgumentError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """What one server takes on; whatever is beyond it is refused in one sentence.

    Attributes:
        queue: jobs that wait at once.
        lanes: kinds of jobs (task, recipe, size) that are ready to run at once, each with a program and its memory.
        steps: optimisation steps of a job.
        codes: latent codes of a job.
        samples: answers of a job.
        megabytes: of a request's body.
        megapixels: of a picture, before it is decoded.
        timeout: seconds from accepting a job to its end; one that is under way ends with the best found by then.
        keep_minutes: finished jobs are kept for so long,
        keep_megabytes: and as long as their results together take no more.
        connections: open at once.
        patience: seconds in which a client has to send a request, and to take an answer.
        wait: seconds that a request may wait for its job's end.

    >>> Limits(queue=0)
    Traceback (most recent call last):
    gprior_jax.errors.ArgumentError: queue 0: use more than 0.
    """

    queue: int = 64
    lanes: int = 4
    steps: int = 1000
    codes: int = 40
    samples: int = 8
    megabytes: float = 10.0
    megapixels: float = 25.0
    timeout: float = 300.0
    keep_minutes: float = 15.0
    keep_megabytes: float = 512.0
    connections: int = 100
    patience: float = 30.0
    wait: float = 60.0

    def __post_init__(self):
        check_fields(self)
        for field in dataclasses.fields(self):
            if getattr(self, field.name) <= 0:
                raise ArgumentError(f"{field.name} {getattr(self, field.name)}: use more than 0.")
