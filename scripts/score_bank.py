#!/usr/bin/env python3
"""Scores a critic by a bank of `hyperl-analyze bank`, with pandas alone (docs/estimator.md, 8.6).

usage: score_bank.py BANK.parquet GRADIENTS.csv

GRADIENTS.csv has a row for each state of the bank, in its order, and A numbers in it: the critic's dQ/da at the
policy's action tanh(u). Prints kappa and gain of this gradient: `local_kappa`, `local_gain` of summary.csv.
"""

import sys

import numpy as np
import pandas as pd


def score(bank: pd.DataFrame, gradients: np.ndarray) -> tuple[float, float]:
    """Returns kappa and gain; `gradients` is [states, A]."""
    pairs = bank[bank.around == "policy"]
    dims = range(gradients.shape[1])
    slope = (pairs.return_plus - pairs.return_minus) / (2 * pairs.length)
    directions = pairs[[f"direction_{j}" for j in dims]].mul(slope, axis=0)
    blocks = directions.groupby([pairs.state, pairs.block]).mean()  # w of each block
    count = blocks.groupby("state").size().iloc[0]
    total = blocks.groupby("state").sum().to_numpy()
    own = (blocks**2).sum(axis=1).groupby("state").sum().to_numpy()
    u = pairs.groupby("state")[[f"before_tanh_{j}" for j in dims]].first().to_numpy()
    p = gradients * (1 - np.tanh(u) ** 2)
    truth = ((total**2).sum(axis=1) - own).sum() / (count * (count - 1))
    dot, critic = (total * p).sum() / count, (p**2).sum()
    return dot / np.sqrt(truth * critic), dot / critic


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    kappa, gain = score(pd.read_parquet(sys.argv[1]), np.loadtxt(sys.argv[2], delimiter=",", ndmin=2))
    print(f"kappa {kappa:.6f}  gain {gain:.6f}")
