"""The nine critics and the actors of TD3 and SAC in PyTorch, as a competent user writes them; what
`torch_hyper.py` trains.

Written from the paper's equations ("Recomposing the Reinforcement Learning Building-Blocks with
Hypernetworks", ICML 2021; § and App. are its own unless said). Unlike the networks of
`tests/fixtures/torch`, which spell the equations out, these are written for speed:
- all heads of a hypernetwork are rows of one linear layer;
- Emb-Hyper's primary runs once for a batch, not once for each row.

Shapes: `B` batch, `S` observation, `A` action.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Mlp(nn.Sequential):
    """Linear layers with ReLU between them, none after the last."""

    def __init__(self, *widths):
        layers = []
        for i, o in zip(widths, widths[1:]):
            layers += [nn.Linear(i, o), nn.ReLU()]
        super().__init__(*layers[:-1])


class PlainCritic(nn.Module):
    """Q(s, a) of [s, a] through an MLP (§5.2): Standard 256-256, Small 256, Large 2900-2900."""

    def __init__(self, obs_dim, action_dim, *hidden):
        super().__init__()
        self.net = Mlp(obs_dim + action_dim, *hidden, 1)

    def forward(self, obs, action):
        return self.net(torch.cat([obs, action], 1))


class Residual(nn.Module):
    """x + L₂(relu(L₁(relu(x)))), nothing after the sum (App. D.1)."""

    def __init__(self, width):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return x + self.fc2(F.relu(self.fc1(F.relu(x))))


def primary(inputs):
    """inputs → 256 → 512 → 1024, two residual blocks after each step up (App. D.1)."""
    layers, width = [], inputs
    for wider in (256, 512, 1024):
        layers += [nn.Linear(width, wider), Residual(wider), Residual(wider)]
        width = wider
    return nn.Sequential(*layers)


class Hypernetwork(nn.Module):
    """Makes from the meta-variable a dynamic network base → 256 → 1, and applies it (§3, Eq. 1).

    Starts as App. D.3 says: gain 1/√12 in the primary; in the heads ±0.05 for the first dynamic
    layer, ±0.008 for the last, and no bias.
    """

    WIDTH = 256

    def __init__(self, meta, base):
        super().__init__()
        self.primary = primary(meta)
        width = self.WIDTH
        self.sizes = [width * base, width, width, width, 1, 1]  # W₁ b₁ g₁ W₂ b₂ g₂
        self.heads = nn.Linear(1024, sum(self.sizes))
        for layer in self.primary.modules():
            if isinstance(layer, nn.Linear):
                bound = 0.5 / math.sqrt(layer.in_features)
                nn.init.uniform_(layer.weight, -bound, bound)
        first = sum(self.sizes[:3])
        nn.init.uniform_(self.heads.weight[:first], -0.05, 0.05)
        nn.init.uniform_(self.heads.weight[first:], -0.008, 0.008)
        nn.init.zeros_(self.heads.bias)

    def forward(self, meta, base):
        """A network for each row: `meta [B, d]`, `base [B, in]`; result `[B, 1]`."""
        w1, b1, g1, w2, b2, g2 = self.heads(self.primary(meta)).split(self.sizes, 1)
        w1 = w1.view(-1, self.WIDTH, base.shape[1])
        hidden = F.relu(torch.bmm(w1, base.unsqueeze(2)).squeeze(2) * (1 + g1) + b1)
        return (w2 * hidden).sum(1, keepdim=True) * (1 + g2) + b2

    def shared(self, meta, base):
        """One network for all rows: `meta [d]`, `base [B, in]`; result `[B, 1]`."""
        w1, b1, g1, w2, b2, g2 = self.heads(self.primary(meta)).split(self.sizes)
        hidden = F.relu(F.linear(base, w1.view(self.WIDTH, -1)) * (1 + g1) + b1)
        return F.linear(hidden, w2.view(1, -1)) * (1 + g2) + b2


class SaHyper(nn.Module):
    """The state makes the weights, the action goes through them (§3)."""

    def __init__(self, obs_dim, action_dim):
        super().__init__()
        self.net = Hypernetwork(obs_dim, action_dim)

    def forward(self, obs, action):
        return self.net(obs, action)


class AsHyper(nn.Module):
    """The action makes the weights, the state goes through them (§3)."""

    def __init__(self, obs_dim, action_dim):
        super().__init__()
        self.net = Hypernetwork(action_dim, obs_dim)

    def forward(self, obs, action):
        return self.net(action, obs)


class EmbHyper(nn.Module):
    """A learned vector makes one set of weights, [s, a] goes through it (§5.2)."""

    def __init__(self, obs_dim, action_dim):
        super().__init__()
        self.embedding = nn.Parameter(torch.rand(5))
        self.net = Hypernetwork(5, obs_dim + action_dim)

    def forward(self, obs, action):
        return self.net.shared(self.embedding, torch.cat([obs, action], 1))


class ResNetFeatures(nn.Module):
    """The primary makes ten features of the state; [features, a] → 256 → 1 (App. D.4.4)."""

    def __init__(self, obs_dim, action_dim):
        super().__init__()
        self.features = nn.Sequential(primary(obs_dim), nn.Linear(1024, 10))
        self.net = Mlp(10 + action_dim, 256, 1)

    def forward(self, obs, action):
        return self.net(torch.cat([self.features(obs), action], 1))


class ResNet35(nn.Sequential):
    """[s, a] → 256, 35 residual blocks, ReLU, → 1 (§5.2)."""

    def __init__(self, obs_dim, action_dim):
        blocks = [Residual(256) for _ in range(35)]
        first, last = nn.Linear(obs_dim + action_dim, 256), nn.Linear(256, 1)
        super().__init__(first, *blocks, nn.ReLU(), last)

    def forward(self, obs, action):
        return super().forward(torch.cat([obs, action], 1))


class D2rl(nn.Module):
    """Four hidden layers of 256, [s, a] joins before the second to fourth (Sinha et al. 2020)."""

    def __init__(self, obs_dim, action_dim):
        super().__init__()
        inputs = obs_dim + action_dim
        self.first = nn.Linear(inputs, 256)
        self.inner = nn.ModuleList(nn.Linear(256 + inputs, 256) for _ in range(3))
        self.last = nn.Linear(256, 1)

    def forward(self, obs, action):
        x = torch.cat([obs, action], 1)
        hidden = F.relu(self.first(x))
        for layer in self.inner:
            hidden = F.relu(layer(torch.cat([hidden, x], 1)))
        return self.last(hidden)


CRITICS = {
    "mlp-standard": lambda s, a: PlainCritic(s, a, 256, 256),
    "mlp-small": lambda s, a: PlainCritic(s, a, 256),
    "mlp-large": lambda s, a: PlainCritic(s, a, 2900, 2900),
    "resnet-features": ResNetFeatures,
    "resnet35": ResNet35,
    "q-d2rl": D2rl,
    "sa-hyper": SaHyper,
    "as-hyper": AsHyper,
    "emb-hyper": EmbHyper,
}
"""Every critic by its name on our command line."""


class Twin(nn.Module):
    """Two critics; result of each `[B, 1]`. Emb-Hyper's share their vector, as the authors' do."""

    def __init__(self, kind, obs_dim, action_dim):
        super().__init__()
        self.q1, self.q2 = (CRITICS[kind](obs_dim, action_dim) for _ in range(2))
        if kind == "emb-hyper":
            self.q2.embedding = self.q1.embedding

    def forward(self, obs, action):
        return self.q1(obs, action), self.q2(obs, action)


class Actor(nn.Module):
    """TD3's: S → 256 → 256 → A, tanh."""

    def __init__(self, obs_dim, action_dim):
        super().__init__()
        self.net = Mlp(obs_dim, 256, 256, action_dim)

    def forward(self, obs):
        return torch.tanh(self.net(obs))


class SquashedGaussian(nn.Module):
    """SAC's actor (Haarnoja et al. 2018, App. C): S → 256 → 256 → A means and A log σ."""

    def __init__(self, obs_dim, action_dim):
        super().__init__()
        self.net = nn.Sequential(Mlp(obs_dim, 256, 256), nn.ReLU())
        self.mean, self.log_std = nn.Linear(256, action_dim), nn.Linear(256, action_dim)

    def forward(self, obs, noise):
        """tanh(μ + σ·noise) `[B, A]` and its log-probability `[B, 1]`."""
        x = self.net(obs)
        log_std = self.log_std(x).clamp(-20, 2)
        before = self.mean(x) + log_std.exp() * noise
        gaussian = -0.5 * noise.square() - log_std - 0.5 * math.log(2 * math.pi)
        squash = 2 * (math.log(2) - before - F.softplus(-2 * before))  # log(1 − tanh²)
        return torch.tanh(before), (gaussian - squash).sum(1, keepdim=True)
