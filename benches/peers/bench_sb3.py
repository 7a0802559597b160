"""SB3 / SBX whole training loop: env step + 1 gradient step. usage: bench_sb3.py sb3|sbx td3|sac threads [env]"""
import sys, time, os
lib, alg, T = sys.argv[1], sys.argv[2], int(sys.argv[3]); envn = sys.argv[4] if len(sys.argv) > 4 else "HalfCheetah-v5"
if lib == "sbx" and T == 1: os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
if T == 1: os.sched_setaffinity(0, {0})
import numpy as np, torch, gymnasium as gym
torch.set_num_threads(T)
from stable_baselines3.common.callbacks import BaseCallback
from common import *
if lib == "sb3": from stable_baselines3 import TD3, SAC
else: from sbx import TD3, SAC
class CB(BaseCallback):
    def __init__(s): super().__init__(); s.t = []
    def _on_step(s):
        if s.num_timesteps % 500 == 0: s.t.append((s.num_timesteps, now()))
        return True
env = gym.make(envn)
kw = dict(policy_kwargs=dict(net_arch=[256, 256]), train_freq=1, gradient_steps=1, learning_starts=200, buffer_size=100000, seed=0, verbose=0)
if alg == "td3": m = TD3("MlpPolicy", env, batch_size=100, **kw)
else: m = SAC("MlpPolicy", env, batch_size=256, **kw)
cb = CB(); wait_quiet()
with Other() as o: m.learn(int(os.environ.get("PEERS_STEPS", 4600)), callback=cb, log_interval=10**9)
t = [x for x in cb.t if x[0] >= 1000]
v = [500 / (b[1] - a[1]) for a, b in zip(t, t[1:])]
rec(f"{lib} {alg} loop {envn} batch {m.batch_size} T={T}", v, "steps/s", threads=T, other=round(o.other, 2), steps=t[-1][0] - t[0][0])
if os.environ.get("PEERS_LOOP_ONLY"): sys.exit()
# gradient step alone
n = 500; v = []
for r in range(5):
    t0 = now()
    if lib == "sb3": m.train(gradient_steps=n, batch_size=m.batch_size)
    else:
        for _ in range(n): m.train(1, m.batch_size)
    v.append((now() - t0) / n * 1e3)
rec(f"{lib} {alg} gradient step alone (incl. sampling) T={T}", v, "ms", threads=T)
if lib == "sbx":
    try:
        v = []
        for r in range(4):
            t0 = now(); m.train(n, m.batch_size); v.append((now() - t0) / n * 1e3)
        rec(f"{lib} {alg} gradient steps fused (500 in one call) T={T}", v[1:], "ms", threads=T)
    except Exception as e: print("fused failed", e)
