"""Checks that `torch_pearl.py` computes what our tests hold the Rust to: equal work is timed.

    check_torch_pearl.py      needs torch and numpy; seconds

Plain networks and hypernetworks, written both ways: two updates from the weights and on the batches of
`tests/fixtures/torch/pearl.py`, with the losses recorded beside it.
"""

import json
import sys

import torch

from check_torch_hyper import FIXTURES, load

sys.path.append(str(FIXTURES))
import formula  # noqa: E402
import pearl  # noqa: E402

from torch_pearl import Config, Pearl, SixHeads  # noqa: E402

TOLERANCE = 1e-3
"""Relative; the fixtures' own f32 and f64 runs lie within it."""

NAMES = {"encoder": "encoder", "q1": "critic.q1", "q2": "critic.q2", "value": "value"}
NAMES |= {"target": "value_target", "policy": "policy"}
"""Our networks, and the fixtures' names of them."""

OURS = ["tau", "reward_scale", "kl_weight", "gamma", "mean_weight", "log_std_weight"]
OURS += ["encoder_lr", "critic_lr", "policy_lr"]
"""Settings of a fixture's case that are ours too."""


def agents(case, way):
    """Ours and the fixture's agent of a case, with the same weights."""
    theirs = pearl.Pearl(case, torch.float32)
    model = {"mlp": "pearl", "hyper": "hyper-pearl"}[case.model]
    made = Pearl(model, way, Config(**{name: getattr(case, name) for name in OURS}))
    for name, of_fixture in NAMES.items():
        network = getattr(made, name)
        six = any(isinstance(part, SixHeads) for part in network.modules())
        load(network, theirs.nets[of_fixture], joined=not six)
    return made, theirs


def compare(case, way, recorded):
    """Largest distance of the losses in the updates."""
    made, theirs = agents(case, way)
    worst = 0.0
    for update, expected in enumerate(recorded):
        rows, alive = theirs.rows(update)
        columns = [rows[name] for name in ["context", "obs", "action"]]
        reward = rows["reward"][:, None]
        batch = [*columns, reward, rows["next_obs"], alive[:, None]]
        losses = made.update(batch, rows["latent_noise"], rows["action_noise"])
        both = expected["q1"] + expected["q2"]
        wanted = [expected["divergence"], both, expected["value"], expected["policy"]]
        for loss, want in zip(losses, wanted):
            worst = max(worst, abs(loss.item() - want) / max(abs(want), 1e-3))
    return worst


def main():
    formula.deterministic()  # one thread, as the fixtures were made
    cases = json.loads((FIXTURES / "pearl.json").read_text())["cases"]
    recorded = {case["name"]: case["updates"] for case in cases}
    for case in pearl.CASES:
        if case.name in ("mlp", "hyper"):
            for way in ["authors", "idiomatic"]:
                worst = compare(case, way, recorded[case.name])
                print(f"{case.name}, {way}: within {worst:.1e}")
                assert worst < TOLERANCE


if __name__ == "__main__":
    main()
