"""Gymnasium's Hopper-v4 with another reward: each joint's power costs something, and falling does, too.

    cp python/hyperl_env.py python/examples/hopper_energy.py .
    hyperl-analyze cosine --ckpt agent.zip --env-command "python hopper_energy.py"
"""

import gymnasium as gym
import numpy as np
from hyperl_env import serve


class Energy(gym.Wrapper):
    def step(self, action):
        obs, reward, terminated, truncated, info = self.env.step(action)
        power = np.abs(self.unwrapped.data.qvel[3:] * action).sum()
        return obs, reward - 0.05 * power - 10.0 * terminated, terminated, truncated, info


serve(lambda: Energy(gym.make("Hopper-v4")), name="hopper-energy")
