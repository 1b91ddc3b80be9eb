"""Whether a training has learned what it was to learn, beside a constant."""

from torch import Tensor

LITTLE = 0.5  # of the mean absolute error of a constant, above which little was learned
ALIKE = 1e-6  # of the size of labels, below which they are one constant and rounding


def note_on_learning(prediction: Tensor, target: Tensor, sites: Tensor, steps: int) -> str:
    """Say that a test's errors are about those of a constant per site; empty if they are not.

    Of several outputs, the best counts; labels that are constant count for nothing.

    Args:
        prediction: (N, outputs), less what is known without a network.
        target: the same, true.
        sites: of every sample, (N,).
        steps: of the optimizer so far.

    Example:
        >>> import torch
        >>> true, sites = torch.tensor([[-1.0], [1.0]]), torch.ones(2)
        >>> note_on_learning(0.9 * true, true, sites, steps=10)
        ''
        >>> note_on_learning(0.1 * true, true, sites, steps=10)
        'After 10 steps the mean absolute error is 0.90 of that of a constant per site: ...
    """
    missed = ((prediction - target) / sites[:, None]).abs().mean(0)  # (outputs,)
    per_site = target / sites[:, None]  # (N, outputs)
    constant = (per_site - per_site.quantile(0.5, dim=0)).abs().mean(0)  # (outputs,)
    shares = (missed / constant)[constant > ALIKE * per_site.abs().mean(0)]
    shares = shares[shares.isfinite()]
    if not len(shares) or (share := float(shares.min())) <= LITTLE:
        return ""
    return (
        f"After {steps} steps the mean absolute error is {share:.2f} of that of a constant per "
        f"site: little is learned yet. Train longer (a larger trainer.max_epochs=… or "
        f"max_steps=… with the same run=NAME and resume=auto), with more samples, more context "
        f"(tile.c=…) or another rate (task.optimizer.lr=…)."
    )
