"""Networks by name and on disk: model folders, the bundled priors, the published ones."""

from gprior_jax.zoo import hub as hub
from gprior_jax.zoo.bundled import BUNDLED as BUNDLED
from gprior_jax.zoo.bundled import TRANSLATORS as TRANSLATORS
from gprior_jax.zoo.bundled import Entry as Entry
from gprior_jax.zoo.bundled import bundled_folder as bundled_folder
from gprior_jax.zoo.bundled import find as find
from gprior_jax.zoo.bundled import inherited as inherited
from gprior_jax.zoo.bundled import load as load
from gprior_jax.zoo.bundled import resolve as resolve
from gprior_jax.zoo.folder import FORMAT as FORMAT
from gprior_jax.zoo.folder import load_network as load_network
from gprior_jax.zoo.folder import read_config as read_config
from gprior_jax.zoo.folder import save as save
from gprior_jax.zoo.folder import save_network as save_network
from gprior_jax.zoo.networks import NETWORKS as NETWORKS
from gprior_jax.zoo.networks import register as register
from gprior_jax.zoo.perceptual import load_lpips as load_lpips
from gprior_jax.zoo.perceptual import load_perceptual as load_perceptual
from gprior_jax.zoo.published import PUBLISHED as PUBLISHED
from gprior_jax.zoo.published import Published as Published
from gprior_jax.zoo.translators import Direction as Direction
from gprior_jax.zoo.translators import load_translator as load_translator
from gprior_jax.zoo.translators import save_translator as save_translator
