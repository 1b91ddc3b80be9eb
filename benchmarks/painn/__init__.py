"""Our network of rendered atoms beside PaiNN, an atomistic network, as SchNetPack has it.

On the same structures, split, cores and time. SchNetPack has an environment of its own, which
nothing else here needs:

    python3 -m venv ~/painn
    ~/painn/bin/pip install -c constraints.txt torch
    ~/painn/bin/pip install -c constraints.txt -e .
    ~/painn/bin/pip install --no-deps -r benchmarks/painn/requirements.txt
    ~/painn/bin/python -m benchmarks.painn --ednn RUN/checkpoints/best.ckpt

`RUN` is a finished run of `experiment=dft`, or of the one of `--experiment`; `--help` lists the
options.
"""

from torch.utils.data import dataloader

# SchNetPack 2.1.1 imports this by the name that it had before torch 2.5. Version 2.2.0 mends that;
# it is in SchNetPack's repository, not on PyPI, and needs Python 3.12.
dataloader.T_co = dataloader._T_co  # type: ignore[attr-defined]
