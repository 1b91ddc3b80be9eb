"""`hydra/sweeper=optuna`: Hydra takes plugins from this namespace alone."""
