"""The measurements of `scripts/speed`: `speed.py train|loop|steps FILE` adds lines to FILE, `speed.py table FOLDER` prints the report."""
import contextlib, json, os, platform, statistics as st, sys, time
from importlib.metadata import version
ENVS = {"half-cheetah": "HalfCheetah-v5", "hopper": "Hopper-v5", "walker2d": "Walker2d-v5", "ant": "Ant-v5"}
HORIZON, JOBS = 688, 225

def put(path, key, values):
    with open(path, "a") as f: f.write(json.dumps({"key": key, "values": values}) + "\n")

def train(path):
    import torch
    from torch_hyper import TD3, replay
    torch.set_num_threads(2); torch.manual_seed(0)
    rb = replay(17, 6)
    for kind, key, n in (("SA", "sa-hyper", 8), ("MLP", "mlp-standard", 100)):
        agent = TD3(kind, 17, 6)
        for _ in range(4): agent.step(rb)
        v = []
        for _ in range(3):
            t = time.perf_counter()
            for _ in range(n): agent.step(rb)
            v.append((time.perf_counter() - t) / n * 1e3)
        put(path, key, v)

def loop(path):
    os.environ.update(PEERS_LOOP_ONLY="1", PEERS_STEPS="3100", PERF_RES=os.devnull, PERF_WAIT="0")
    sys.argv = ["bench_sb3.py", "sbx", "td3", "2"]
    import common
    def rec(name, vals, unit, **kw): put(path, "loop", vals)
    common.rec = rec
    import bench_sb3

def steps(path):
    from bench_env import roll
    for env, name in ENVS.items():
        f = roll(name, 2, nb=JOBS); f(); put(path, env, [f() for _ in range(3)])
    f = roll("HalfCheetah-v5", 2, nb=JOBS, nenv=HORIZON)
    put(path, "long", [f()])

def read(folder):
    """median of each key; ours under what/env/model"""
    all = {}
    for line in open(os.path.join(folder, "peers.jsonl")):
        x = json.loads(line); all.setdefault(x["key"], []).extend(x["values"])
    for name in sorted(os.listdir(folder)):
        if not name.startswith("ours-"): continue
        for x in json.load(open(os.path.join(folder, name))):
            all.setdefault("/".join(filter(None, (x["what"], x["env"], x.get("model")))), []).append(x["median"])
    return all

def table(folder):
    m = {k: (st.median(v), min(v), max(v)) for k, v in read(folder).items()}
    show = lambda x: f"{x:,.0f}".replace(",", " ") if x >= 1000 else f"{x:.3g}"
    cell = lambda k, unit: f"{show(m[k][0])} {unit} [{show(m[k][1])} … {show(m[k][2])}]"
    rows = []
    def row(work, peer, their, ours, unit, bar, faster=False, scale=None):
        theirs = m[their][0] if scale is None else scale / m[their][0]
        ratio = m[ours][0] / theirs
        met = ratio >= bar if faster else ratio <= bar
        shown = cell(their, unit) if scale is None else f"{show(theirs)} {unit}"
        rows.append(f"| {work} | {peer}: {shown} | {cell(ours, unit)} | {ratio:.2f} | {'≥' if faster else '≤'} {bar:.2f} | {'yes' if met else '**no**'} |")
    row("TD3 step, SA-Hyper, half-cheetah", "PyTorch", "sa-hyper", "train-step/half-cheetah/sa-hyper", "ms", .80)
    row("TD3 step, MLP-Standard, half-cheetah", "PyTorch", "mlp-standard", "train-step/half-cheetah/mlp-standard", "ms", .70)
    row("TD3 loop with environment, MLP-Standard, half-cheetah", "SBX", "loop", "train-loop/half-cheetah/mlp-standard", "1/s", 1., True)
    for env in ENVS: row(f"rollouts with policy, {env}", "`mujoco.rollout`", env, f"rollout-steps/{env}", "1/s", .85, True)
    total = HORIZON * JOBS
    row(f"one evaluation, half-cheetah, {show(total)} steps", "`mujoco.rollout`, rate of 50-step rollouts", "half-cheetah", "evaluation/half-cheetah", "s", 1.3, scale=total)
    row("the same", f"`mujoco.rollout`, {HORIZON}-step rollouts", "long", "evaluation/half-cheetah", "s", 1.3, scale=total)
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    libs = ", ".join(f"{p} {version(p)}" for p in ("torch", "mujoco", "gymnasium", "sbx-rl", "jax"))
    load = open(os.path.join(folder, "load")).read().split()
    print(f"""# Speed beside the peers

`PEERS_PYTHON=… make speed` wrote this file: {load[0]} rounds in one sitting, ours and the peers' in turn; medians [smallest … largest].
The ratio is ours over the peer's: of times (smaller is better) or of rates (larger is better).

| work | peer | ours | ratio | bar | reached? |
|---|---|---|---|---|---|
""" + "\n".join(rows) + f"""

- Machine: {cpu}, {os.cpu_count()} processors; two threads on both sides; batch 100.
- Ours: MuJoCo 3.17.0, libtorch 2.13.0. Peers: Python {platform.python_version()}, {libs}.
- CPU that other processes used meanwhile: {load[1]} of {os.cpu_count()} processors. Above 0.2 the two-thread figures of both sides suffer,
  not always equally: repeat the sitting on an idle machine before drawing conclusions from a near miss.
- `mujoco.rollout` is open loop and physics alone; ours runs the policy's network and computes observation, reward and end besides.
  Both apply uniformly random actions, {JOBS} rollouts of 50 steps from a reset state; the robots that may fall end their rollout with us and go on there.
- One evaluation: 15 states × 15 first actions × {HORIZON} steps.""")

if __name__ == "__main__":
    what, path = sys.argv[1:3]
    with contextlib.redirect_stdout(sys.stdout if what == "table" else sys.stderr):
        {"train": train, "loop": loop, "steps": steps, "table": table}[what](os.path.abspath(path))
