"""What is kept of a job: its picture and its codes as files, and how it ended in numbers."""

from gprior_jax.images.arrays import to_uint8
from gprior_jax.images.files import encode_png
from gprior_jax.inversion.result import Result
from gprior_jax.runs.record import record_arrays
from gprior_jax.serving.jobs import Job, Kept, finite
from gprior_jax.serving.making import Plan, Ready
from gprior_jax.storage.atomic import arrays_bytes


def kept_of(plan: Plan, job: Job, ready: Ready, result: Result) -> Kept:
    """What is kept of a job that has left its lane.

    Args:
        plan: of its lane.
        job: the job.
        ready: its picture.
        result: of the stream, of this image alone.
    """
    record = plan.record(job.asked, ready, result)
    numbers = {"status": record.status.name, "step": record.step, "late": job.is_late}
    numbers |= {name: finite(value) for name, value in (record.terms | record.metrics).items()}
    numbers |= {"remarks": ready.remarks} if ready.remarks else {}
    npz = arrays_bytes(record_arrays(record, plan.about(job.asked, ready)))
    more = {f"samples/{k}.png": encode_png(sample) for k, sample in enumerate(record.samples, start=1)}
    if more:
        numbers |= {"losses": [finite(float(loss)) for loss in record.sample_losses]}
        more |= {f"{name}.png": encode_png(record.pictures[name]) for name in ("mean", "std")}
    return Kept(encode_png(to_uint8(record.image)), npz, numbers, more)
