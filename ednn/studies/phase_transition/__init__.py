"""The phase transition of the Ising model, simulated with learned energies."""
