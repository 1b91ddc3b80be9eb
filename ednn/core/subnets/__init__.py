"""The shared subnetworks: every tile goes through the same one (paper, "EDNN topology").

Reading order: `paper` (the ANN and the DNN of the paper), `base` (subnetworks that give every site
a value), `fcn` and `site_ann` (two of these), `spectral` (a function of a single site, for wave
vectors).
"""

from ednn.core.subnets.base import SiteWise
from ednn.core.subnets.fcn import FCN
from ednn.core.subnets.paper import ANN, DNN
from ednn.core.subnets.site_ann import SiteANN
from ednn.core.subnets.spectral import Spectral

__all__ = ["ANN", "DNN", "FCN", "SiteANN", "SiteWise", "Spectral"]
