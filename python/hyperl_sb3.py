"""Asks hyperl, while an agent of Stable-Baselines3 trains, whether its critic's gradient points uphill.

    from hyperl_sb3 import GradientCallback
    model.learn(20_000, callback=GradientCallback("Hopper-v4", every=5_000))

Every so many steps the agent is saved as `agents/step-000005000.zip` and measured by `hyperl-analyze cosine`. What comes
out is printed, and goes to the logger of Stable-Baselines3 (and so to TensorBoard): `gradient/kappa`, its ends
`kappa_low` and `kappa_high`, `gradient/gain` and `gradient/inside`, each where rollouts resolve it. Copy this file beside
your own; it needs nothing but Stable-Baselines3, and hyperl-analyze on the PATH or named by `program`.
"""

import json
import subprocess
from pathlib import Path

from stable_baselines3.common.callbacks import BaseCallback


class GradientCallback(BaseCallback):
    """Saves the agent every `every` steps, and measures it unless `measure` is false.

    `env` is the environment's name as on hyperl's command line; `flags` are further ones of `hyperl-analyze cosine`. With
    60 states a measurement takes a minute or two, and its interval is wide; hyperl's own choice is 100 to 300.
    """

    def __init__(self, env, every=10_000, folder="agents", measure=True, flags=("--states", "60"), program="hyperl-analyze"):
        super().__init__()
        self.env, self.every, self.folder = env, every, Path(folder)
        self.measure, self.flags, self.program = measure, flags, program
        self.next = every

    def _on_training_start(self):
        self.next = (self.num_timesteps // self.every + 1) * self.every

    def _on_step(self):
        if self.num_timesteps >= self.next:
            self.next += self.every
            agent = self.folder / f"step-{self.num_timesteps:09}.zip"
            self.folder.mkdir(parents=True, exist_ok=True)
            self.model.save(agent)
            if self.measure:
                self._record(self._measured(agent))
        return True

    def _measured(self, agent):
        """Returns what hyperl-analyze says of a saved agent."""
        out = self.folder / "hyperl" / agent.stem
        command = [self.program, "cosine", "--ckpt", agent, "--env", self.env, *self.flags, "--json", "--out", out]
        ran = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if ran.returncode != 0:
            raise RuntimeError(f"{self.program} cosine of {agent} ended with {ran.returncode}:\n{ran.stderr}")
        return json.loads(ran.stdout)["checkpoints"][0]

    def _record(self, found):
        """Logs the numbers that are resolved, and prints the answer in a line."""
        score, gradient = found["score"], {}
        if score["policy"]["resolved"]:
            kappa = score["policy"]["kappa"]
            gradient.update(kappa=kappa["value"], kappa_low=kappa["low"], kappa_high=kappa["high"])
            gradient.update(gain=score["policy"]["gain"]["value"])
        if score["inside"]["resolved"]:
            gradient.update(inside=score["inside"]["corrected"]["value"])
        for name, value in gradient.items():
            self.logger.record(f"gradient/{name}", value)
        numbers = ", ".join(f"{name} {value:.3g}" for name, value in gradient.items())
        print(f"{self.num_timesteps} steps: {found['direction']}" + (f" ({numbers})" if numbers else ""))
