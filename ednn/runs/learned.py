"""Whether a training has learned what it was to learn, beside a constant."""

from torch import Tensor

LITTLE = 0.5  # of the mean absolute error of a constant, above which little was learned


def note_on_learning(prediction: Tensor, target: Tensor, sites: Tensor, steps: int) -> str:
    """Say that a test's errors are about those of a constant per site; empty if they are not.

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
    per_site = target / sites[:, None]
    constant = (per_site - per_site.quantile(0.5, dim=0)).abs().mean(0)  # (outputs,)
    share = float((missed / constant)[constant > 0].min()) if bool((constant > 0).any()) else 0.0
    if share <= LITTLE:
        return ""
    return (
        f"After {steps} steps the mean absolute error is {share:.2f} of that of a constant per "
        f"site: little is learned yet. Train longer (a larger trainer.max_epochs=… or "
        f"max_steps=… with the same run=NAME and resume=auto), with more samples, or another rate "
        f"(task.optimizer.lr=…)."
    )
