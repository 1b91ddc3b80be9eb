"""Training and testing with Lightning.

Read `train.py` first: data → model → task → results on one screen. `task.py` is the
LightningModule, `metrics.py` its errors, `checks.py` what is refused before a start, `finetune.py`
what may go on from another model's weights, `launch.py` several processes,
`evaluate.py` a test alone.
"""
