"""The model and all that it needs, in pure torch: no training framework, no data sets.

Reading order: `tiling` (a lattice cut into tiles), `subnets` (the networks that see a tile), `info`
and `interface` (what every model knows and offers), `model` (the EDNN) with `evaluation`,
`distinct`, `remembered` and `probe` (how its tiles are evaluated), `multiscale` with `branch`
(several EDNNs joined), `atomistic` with `structure_batch`, `renderer` and `render` (structures of
atoms), and `build`, `checkpoint` and `upgrades` (models from plain values and from files).
"""
