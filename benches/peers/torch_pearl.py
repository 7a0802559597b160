"""One update of PEARL in PyTorch, with plain networks and hypernetworks: what
`benches/timing --what pearl-step` is compared with.

    torch_pearl.py 2                                    both models, both ways, 2 threads
    torch_pearl.py 2 --model hyper-pearl --way authors --json

Two ways to write the same update (Rakelly et al. 2019, Algorithm 1; the networks of the paper's App. B.2):
- `authors`: the order of operations of the published code. The latent is repeated for every row before
  any network sees it, so that the policy's primary runs 16 × 256 times; all six heads are layers of their
  own; the policy's loss is differentiated in the weights of Q too, and that is thrown away; one default
  Adam for each network. Its debugging switch (`set_detect_anomaly`) is off.
- `idiomatic`: as a competent user writes it. The policy's primary runs once for a task, heads are rows of
  one layer, Q is frozen while the policy climbs, Adam is fused, and `_foreach_lerp_` moves the target.

`check_torch_pearl.py` holds both to our fixtures. Sizes are those of half-cheetah-vel, the data is random.
"""

import argparse
import json
import statistics
import time
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from torch_networks import Mlp, primary

OBS, ACTION, LATENT = 20, 6, 5
TASKS, ROWS, CONTEXT = 16, 256, 100
WIDTH = 256
"""Width of a dynamic network's hidden layer."""


@dataclass
class Config:
    """Hyper-parameters, with the authors' values."""

    encoder_lr: float = 3e-4
    critic_lr: float = 3e-4
    policy_lr: float = 3e-4
    gamma: float = 0.99
    tau: float = 0.005
    reward_scale: float = 5.0
    kl_weight: float = 0.1
    mean_weight: float = 1e-3
    log_std_weight: float = 1e-3


class OneHeads(nn.Module):
    """All weights of a dynamic network base → 256 → outputs as rows of one linear layer."""

    def __init__(self, base, outputs):
        super().__init__()
        self.sizes = [WIDTH * base, WIDTH, WIDTH, outputs * WIDTH, outputs, outputs]
        self.heads = nn.Linear(1024, sum(self.sizes))

    def forward(self, z):
        return self.heads(z).split(self.sizes, 1)


class SixHeads(nn.Module):
    """The same as six layers."""

    def __init__(self, base, outputs):
        super().__init__()
        sizes = [WIDTH * base, WIDTH, WIDTH, outputs * WIDTH, outputs, outputs]
        self.heads = nn.ModuleList(nn.Linear(1024, size) for size in sizes)

    def forward(self, z):
        return [head(z) for head in self.heads]


class Hypernetwork(nn.Module):
    """The meta-variable makes the network base → 256 → outputs (§3, Eq. 1)."""

    def __init__(self, meta, base, outputs, heads):
        super().__init__()
        self.primary, self.heads = primary(meta), heads(base, outputs)

    def forward(self, meta, base):
        """A network for each row: `meta [N, d]`, `base [N, in]`, result `[N, outputs]`; or for each task's
        rows: `meta [T, d]`, `base [T, B, in]`, result `[T, B, outputs]`."""
        w1, b1, g1, w2, b2, g2 = self.heads(self.primary(meta))
        rows = base if base.dim() == 3 else base.unsqueeze(1)
        hidden = layer(w1, b1, g1, rows).relu()
        made = layer(w2, b2, g2, hidden)
        return made if base.dim() == 3 else made.squeeze(1)


def layer(weight, bias, gain, x):
    """y = (W x) ⊙ (1 + g) + b of each item; `x [N, rows, in]`."""
    weight = weight.view(len(bias), bias.shape[1], -1)
    return torch.bmm(x, weight.transpose(1, 2)) * (1 + gain[:, None]) + bias[:, None]


class Plain(nn.Module):
    """[meta, base] → 300 → 300 → 300 → outputs."""

    def __init__(self, meta, base, outputs, _heads=None):
        super().__init__()
        self.net = Mlp(meta + base, 300, 300, 300, outputs)

    def forward(self, meta, base):
        return self.net(torch.cat([meta, base], -1))


class TwoOutputs(nn.Module):
    """A plain policy's mean and log σ of [base, meta], one layer each."""

    def __init__(self, meta, base, _outputs, _heads=None):
        super().__init__()
        self.net = nn.Sequential(Mlp(meta + base, 300, 300, 300), nn.ReLU())
        self.mean, self.log_std = nn.Linear(300, ACTION), nn.Linear(300, ACTION)

    def forward(self, meta, base):
        if base.dim() == 3:
            meta = meta[:, None].expand(-1, base.shape[1], -1)
        x = self.net(torch.cat([base, meta], -1))
        return torch.cat([self.mean(x), self.log_std(x)], -1)


NETWORKS = {"pearl": (Plain, TwoOutputs), "hyper-pearl": (Hypernetwork, Hypernetwork)}
"""Networks of value and policy."""


class Pearl:
    """The agent."""

    def __init__(self, model, way, config):
        self.authors, self.config = way == "authors", config
        heads = SixHeads if self.authors else OneHeads
        value, policy = NETWORKS[model]
        self.encoder = Mlp(OBS + ACTION + 1, 200, 200, 200, 2 * LATENT)
        self.q1, self.q2 = (value(OBS, ACTION + LATENT, 1, heads) for _ in range(2))
        self.value = value(OBS, LATENT, 1, heads)
        self.target = deepcopy(self.value).requires_grad_(False)
        self.policy = policy(LATENT, OBS, 2 * ACTION, heads)
        rates = {
            "encoder": config.encoder_lr,
            "q1": config.critic_lr,
            "q2": config.critic_lr,
            "value": config.critic_lr,
            "policy": config.policy_lr,
        }
        fused = not self.authors or None
        self.adams = {
            name: torch.optim.Adam(getattr(self, name).parameters(), lr=rate, fused=fused)
            for name, rate in rates.items()
        }

    def posterior(self, context):
        """Mean and standard deviation of the product of Gaussians, `[T, Z]`."""
        mean, variance = self.encoder(context).chunk(2, dim=2)
        precision = 1 / F.softplus(variance).clamp(min=1e-7)
        variance = 1 / precision.sum(1)
        return variance * (mean * precision).sum(1), variance.sqrt()

    def draw(self, obs, z, latents, noise):
        """What the policy says of each row: its action, log-probability, mean and log σ."""
        if self.authors:
            made = self.policy(z, obs)
        else:
            rows = obs.view(len(latents), -1, OBS)
            made = self.policy(latents, rows).flatten(0, 1)
        mean, log_std = made.chunk(2, dim=1)
        log_std = log_std.clamp(-20, 2)
        before = mean + log_std.exp() * noise
        action = torch.tanh(before)
        log_prob = Normal(mean, log_std.exp()).log_prob(before) - torch.log(1 - action**2 + 1e-6)
        return action, log_prob.sum(1, keepdim=True), mean, log_std

    def step(self, *names):
        """Steps of networks along the gradients that have gathered."""
        for name in names:
            self.adams[name].step()

    def update(self, batch, latent_noise, noise):
        """One update; divergence and losses of Q (both), V and policy. The rows of a batch are those of
        one task after the other, `[T·B, ..]`; its context is `[T, N, S + A + 1]`."""
        c, (context, obs, action, reward, next_obs, alive) = self.config, batch
        for adam in self.adams.values():
            adam.zero_grad()
        mean, std = self.posterior(context)
        latents = mean + std * latent_noise
        z = latents.repeat_interleave(len(obs) // len(latents), dim=0)
        fixed, drawn = z.detach(), self.draw(obs, z.detach(), latents.detach(), noise)
        new_action, log_prob, mu, log_std = drawn

        divergence = c.kl_weight * kl_divergence(Normal(mean, std), Normal(0.0, 1.0)).sum()
        divergence.backward(retain_graph=True)
        with torch.no_grad():
            next_v = self.target(next_obs, fixed)
            y = c.reward_scale * reward + alive * c.gamma * next_v
        base = torch.cat([action, z], 1)
        critic_loss = F.mse_loss(self.q1(obs, base), y) + F.mse_loss(self.q2(obs, base), y)
        critic_loss.backward()
        self.step("q1", "q2", "encoder")

        if not self.authors:
            self.freeze(True)
        base = torch.cat([new_action, fixed], 1)
        min_q = torch.minimum(self.q1(obs, base), self.q2(obs, base))
        value_loss = F.mse_loss(self.value(obs, fixed), (min_q - log_prob).detach())
        value_loss.backward()
        self.step("value")
        with torch.no_grad():
            slow, fast = list(self.target.parameters()), list(self.value.parameters())
            if self.authors:
                for a, b in zip(slow, fast):
                    a.copy_(a * (1 - c.tau) + b * c.tau)
            else:
                torch._foreach_lerp_(slow, fast, c.tau)

        regular = c.mean_weight * mu.square().mean() + c.log_std_weight * log_std.square().mean()
        policy_loss = (log_prob - min_q).mean() + regular
        policy_loss.backward()
        self.step("policy")
        if not self.authors:
            self.freeze(False)
        return divergence, critic_loss, value_loss, policy_loss

    def freeze(self, frozen):
        """Whether the weights of Q need no gradients."""
        for critic in (self.q1, self.q2):
            critic.requires_grad_(not frozen)


def agent(model, way):
    """The agent at the paper's rates (Table 11)."""
    rates = {"critic_lr": 5e-5, "policy_lr": 1e-4} if model == "hyper-pearl" else {}
    return Pearl(model, way, Config(**rates))


def random_batch():
    """A batch of random transitions."""
    rows = TASKS * ROWS
    sizes = [(TASKS, CONTEXT, OBS + ACTION + 1), (rows, OBS), (rows, ACTION), (rows, 1), (rows, OBS)]
    return [*(torch.rand(size) * 2 - 1 for size in sizes), torch.ones(rows, 1)]


def milliseconds(pearl, batch, samples, seconds):
    """Milliseconds of an update in each sample of `seconds` at least; one update before."""
    times = []

    def step():
        pearl.update(batch, torch.randn(TASKS, LATENT), torch.randn(TASKS * ROWS, ACTION))

    step()
    for _ in range(samples):
        started, steps = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            step()
            steps += 1
        times.append((time.perf_counter() - started) / steps * 1e3)
    return times


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description="Time an update of PEARL in PyTorch")
    parser.add_argument("threads", type=int)
    parser.add_argument("--model", choices=NETWORKS, help="only this one")
    parser.add_argument("--way", choices=["authors", "idiomatic"], help="only this one")
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="that a sample takes at least")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    batch, timings = random_batch(), []
    for model in [args.model] if args.model else NETWORKS:
        for way in [args.way] if args.way else ["authors", "idiomatic"]:
            times = milliseconds(agent(model, way), batch, args.samples, args.seconds)
            low, middle, high = min(times), statistics.median(times), max(times)
            if not args.json:
                print(f"{model:12} {way:10} {middle:8.0f} ms [{low:.0f} … {high:.0f}]", flush=True)
            of = {"model": model, "way": way, "threads": args.threads}
            timings.append({**of, "milliseconds": middle, "min": low, "max": high})
    if args.json:
        print(json.dumps(timings, indent=2))


if __name__ == "__main__":
    main()
