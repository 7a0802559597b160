"""Checks that `torch_hyper.py` computes what our tests hold the Rust to: equal work is timed.

    check_torch_hyper.py      needs torch and numpy; seconds

Per critic: the number of parameters, and three updates of TD3 from the weights and on the batches of
`tests/fixtures/torch`, with the targets y and losses recorded there; the same for SAC's three cases.
"""

import json
import sys
from pathlib import Path

import torch

from torch_hyper import Config, Sac, Td3, agent
from torch_networks import CRITICS

FIXTURES = Path(__file__).parents[2] / "tests/fixtures/torch"
sys.path.append(str(FIXTURES))
import formula  # noqa: E402
import networks  # noqa: E402

TOLERANCE = 2e-4
"""Relative; the fixtures' own f32 and f64 runs lie within 1e-4."""

COUNTS = {
    "mlp-standard": 72_193,
    "mlp-small": 6_401,
    "mlp-large": 8_485_401,
    "resnet-features": 6_188_555,
    "resnet35": 4_611_841,
    "q-d2rl": 221_441,
    "sa-hyper": 8_537_346,
    "as-hyper": 11_420_930,
    "emb-hyper": 12_995_074 + 5,
}
"""Parameters of one critic on half-cheetah, from the paper's sizes; `hyperl-analyze models`."""


def load(network, source, joined=True):
    """Copies the parameters of a fixture's network, of which six heads are one layer here where they are
    `joined`."""
    theirs = dict(source.named_parameters())
    heads = [name for name in theirs if name.split(".")[0] in ("hidden", "output")]
    if heads and joined:  # W₁ b₁ g₁ W₂ b₂ g₂ in both; weights and biases alternate
        weights, biases = ([theirs.pop(name) for name in heads[k::2]] for k in (0, 1))
        theirs["heads.weight"], theirs["heads.bias"] = torch.cat(weights), torch.cat(biases)
    mine = list(network.parameters())
    assert [p.shape for p in mine] == [p.shape for p in theirs.values()]
    with torch.no_grad():
        for own, given in zip(mine, theirs.values()):
            own.copy_(given)


def learner(algo, case):
    """The learner of a fixture's case, with its weights and hyper-parameters."""
    dims = formula.OBS_DIM, formula.ACTION_DIM
    made = algo(case["critic"], *dims, Config(batch=16, **case["config"]))
    actor = networks.Actor if algo is Td3 else networks.SquashedGaussian
    load(made.actor, formula.fill(actor(*dims, torch.float32), "actor"))
    # The second first: of the vector that Emb-Hyper's share, the first one's values stay.
    for which in ("q2", "q1"):
        source = formula.fill(networks.critic(case["critic"], *dims, torch.float32), which)
        load(getattr(made.critics, which), source)
    made.critics_target.load_state_dict(made.critics.state_dict())
    if algo is Td3:
        made.actor_target.load_state_dict(made.actor.state_dict())
    return made


def batch_of(update):
    """The fixtures' batch of an update: obs, action, next obs, reward, alive."""
    sizes = {"obs": formula.OBS_DIM, "action": formula.ACTION_DIM, "next_obs": formula.OBS_DIM}
    columns = [formula.data(n, (16, k), torch.float32, update) for n, k in sizes.items()]
    reward = formula.data("reward", (16,), torch.float32, update)[:, None]
    return [*columns, reward, (torch.arange(16) % 5 != 4).float()[:, None]]


def distance(made, expected):
    """Relative distance of a number or tensor from the recorded one."""
    return formula.relative_error(made.flatten(), torch.tensor(expected).flatten())


def compare(algo, case):
    """Largest distance of y and losses in the three updates."""
    made, worst = learner(algo, case), 0.0
    for update, recorded in enumerate(case["updates"]):
        noises = ["noise", "actor_noise"][: algo.NOISES]
        shape = (16, formula.ACTION_DIM)
        noise = [formula.data(name, shape, torch.float32, update) for name in noises]
        target_q, critic_loss, actor_loss = made.update(batch_of(update), *noise)
        both = recorded["q1_loss"] + recorded["q2_loss"]
        worst = max(worst, distance(target_q, recorded["target_q"]), distance(critic_loss, both))
        assert (actor_loss is None) == (recorded["actor_loss"] is None)
        if actor_loss is not None:
            worst = max(worst, distance(actor_loss, recorded["actor_loss"]))
    return worst


def main():
    formula.deterministic()  # one thread, as the fixtures were made
    for kind, expected in COUNTS.items():
        count = sum(p.numel() for p in agent("td3", kind).critics.q1.parameters())
        assert count == expected, f"{kind}: {count} parameters, expected {expected}"
    print(f"parameters of {len(COUNTS)} critics: as expected")
    files = {"td3_f32": Td3, "td3_baselines_f32": Td3, "sac_f32": Sac}
    seen = set()
    for file, algo in files.items():
        for case in json.loads((FIXTURES / f"{file}.json").read_text())["cases"]:
            worst = compare(algo, case)
            print(f"{algo.__name__} {case['name']}: within {worst:.1e}")
            assert worst < TOLERANCE
            seen.add(case["critic"])
    assert seen == set(CRITICS) == set(COUNTS), "a critic without a fixture"


if __name__ == "__main__":
    main()
