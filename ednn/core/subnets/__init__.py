"""The shared subnetworks: every tile goes through the same one (paper, "EDNN topology").

Reading order: `ann` and `dnn`, the paper's two; `stemmed`, the base of those whose first layers
overlapping tiles share; `site_wise`, the base of those that give every site a value; `fcn` (with
the blocks of `residual`) and `site_ann`, two of these; `spectral`, a function of a single site, for
wave vectors. CONTRIBUTING.md says how to add one.
"""

from ednn.core.subnets.ann import ANN
from ednn.core.subnets.dnn import DNN
from ednn.core.subnets.fcn import FCN
from ednn.core.subnets.site_ann import SiteANN
from ednn.core.subnets.site_wise import SiteWise
from ednn.core.subnets.spectral import Spectral
from ednn.core.subnets.stemmed import Stemmed

__all__ = ["ANN", "DNN", "FCN", "SiteANN", "SiteWise", "Spectral", "Stemmed"]
