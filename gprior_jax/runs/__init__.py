"""One task over many files: output folders, the runner, reports.

>>> import gprior_jax as gp, jax, tempfile
>>> prior = gp.load("builtin")
>>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
>>> job = gp.runs.Inversion(prior, recipe, jax.random.key(0))
>>> photographs = gp.zoo.bundled_folder("builtin").parent / "portraits"
>>> with tempfile.TemporaryDirectory() as out:
...     done = gp.runs.run(job, gp.runs.find_items([photographs]), out)
>>> [entry.row["name"] for entry in done.entries]
['portrait_1', 'portrait_2', 'portrait_3']
"""

from gprior_jax.runs.attribution import Projection as Projection
from gprior_jax.runs.attribution import generated_items as generated_items
from gprior_jax.runs.directions import read_directions as read_directions
from gprior_jax.runs.directions_file import about_direction as about_direction
from gprior_jax.runs.directions_file import bundled_directions as bundled_directions
from gprior_jax.runs.directions_file import load_direction as load_direction
from gprior_jax.runs.directions_file import save_direction as save_direction
from gprior_jax.runs.entries import Entry as Entry
from gprior_jax.runs.entries import read_records as read_records
from gprior_jax.runs.folder import OutputFolder as OutputFolder
from gprior_jax.runs.inversion import Inversion as Inversion
from gprior_jax.runs.items import Item as Item
from gprior_jax.runs.items import find_items as find_items
from gprior_jax.runs.items import match_files as match_files
from gprior_jax.runs.job import Job as Job
from gprior_jax.runs.keeping import keep_measured as keep_measured
from gprior_jax.runs.merging import merge as merge
from gprior_jax.runs.packing import pack as pack
from gprior_jax.runs.pasting import Paster as Paster
from gprior_jax.runs.record import Record as Record
from gprior_jax.runs.record import read_record as read_record
from gprior_jax.runs.report import rewrite_report as rewrite_report
from gprior_jax.runs.restoration import Restoring as Restoring
from gprior_jax.runs.runner import Outcome as Outcome
from gprior_jax.runs.runner import run as run
from gprior_jax.runs.sources import read_points as read_points
