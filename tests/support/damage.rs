//! Checkpoints and baselines that are changed in a known way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use hyperl::algo::Algo;
use hyperl::analysis::gate::Baseline;
use hyperl::checkpoint::disk;
use hyperl::gradient::pairs::Around;
use serde_json::Value;
use tempfile::TempDir;

use super::bench::{Ran, forget_episodes};

/// Copies a checkpoint.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in ["manifest.json", "weights.safetensors", "states.safetensors"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

/// Changes the manifest of a checkpoint, and so its hash.
pub(crate) fn edit_manifest(folder: &Path, change: impl FnOnce(&mut Value)) {
    let path = folder.join("manifest.json");
    let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    fs::write(&path, value.to_string()).unwrap();
}

/// Sets tensors of a checkpoint to 0, except for the entries given.
fn set(folder: &Path, tensors: &[(&str, &[(usize, f64)])]) {
    for (name, entries) in tensors {
        let entry = |i: usize| entries.iter().find(|(at, _)| *at == i);
        edit(folder, name, |i, _| entry(i).map_or(0.0, |(_, number)| *number as f32));
    }
}

/// Changes each number of a tensor of a checkpoint, given its place and what it was.
fn edit(folder: &Path, name: &str, change: impl Fn(usize, f32) -> f32) {
    let path = folder.join("weights.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    // Layout of safetensors: length of the header | header in JSON | numbers.
    let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let layout: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let offsets = &layout[name]["data_offsets"];
    let [start, end] = [0, 1].map(|i| 8 + header + offsets[i].as_u64().unwrap() as usize);
    for (i, four) in bytes[start..end].as_chunks_mut::<4>().0.iter_mut().enumerate() {
        *four = change(i, f32::from_le_bytes(*four)).to_le_bytes();
    }
    fs::write(&path, &bytes).unwrap();
    edit_manifest(folder, |manifest| manifest["hashes"]["weights"] = disk::hash(&bytes).into());
}

/// Multiplies the last layer of both critics of a small checkpoint, and so what they say.
pub(crate) fn scale_critic(folder: &Path, factor: f64) {
    for critic in ["q1", "q2"] {
        for part in ["weight", "bias"] {
            edit(folder, &format!("critic.{critic}.layers.1.{part}"), |_, x| {
                (factor * f64::from(x)) as f32
            });
        }
    }
}

/// Makes the actor of a checkpoint do the same everywhere: tanh of these numbers.
pub(crate) fn actor_bias(folder: &Path, biases: &[f64]) {
    let entries: Vec<(usize, f64)> = biases.iter().copied().enumerate().collect();
    set(folder, &[("actor.layers.2.weight", &[]), ("actor.layers.2.bias", &entries)]);
}

/// Makes the first critic of a small hopper checkpoint linear in the action: `Q = slope · a + 100`.
pub(crate) fn make_linear(folder: &Path, slope: [f64; 3]) {
    // One hidden unit that is always on.
    let first = [(11, slope[0]), (12, slope[1]), (13, slope[2])];
    set(
        folder,
        &[
            ("critic.q1.layers.0.weight", &first),
            ("critic.q1.layers.0.bias", &[(0, 100.0)]),
            ("critic.q1.layers.1.weight", &[(0, 1.0)]),
            ("critic.q1.layers.1.bias", &[]),
        ],
    );
}

/// Makes the first critic of a small hopper checkpoint linear in the action where the torso is higher than `height`, and
/// the same for all actions where it is lower.
pub(crate) fn make_silent_below(folder: &Path, slope: [f64; 3], height: f64) {
    make_linear(folder, slope);
    let steep = 1e3;
    let first = [(0, steep), (11, slope[0]), (12, slope[1]), (13, slope[2])];
    let below = [(0, -steep * height)];
    let bias = "critic.q1.layers.0.bias";
    set(folder, &[("critic.q1.layers.0.weight", &first), (bias, &below)]);
}

/// Makes the actor of a hopper checkpoint stand at the bounds of all actions where the torso is
/// higher than `height`, and do nothing where it is lower.
pub(crate) fn saturate_above(folder: &Path, height: f64) {
    let steep = 1e6;
    set(
        folder,
        &[
            ("actor.layers.0.weight", &[(0, steep)]),
            ("actor.layers.0.bias", &[(0, -steep * height)]),
            ("actor.layers.1.weight", &[(0, 1.0)]),
            ("actor.layers.1.bias", &[]),
            ("actor.layers.2.weight", &[(0, 1.0), (256, 1.0), (512, 1.0)]),
            ("actor.layers.2.bias", &[]),
        ],
    );
}

/// Changes a baseline and gives it the seal of what it then holds.
pub(crate) fn reseal(from: &Path, to: &Path, change: impl FnOnce(&mut Baseline)) {
    let mut base = Baseline::read(from).unwrap();
    change(&mut base);
    base.sealed().unwrap().write(to).unwrap();
}

/// Takes the policy of a baseline for another one.
pub(crate) fn of_another_policy(base: &mut Baseline) {
    base.file.about.policy = "taken for another".into();
}

/// Direction of the mean true gradient inside the box, from the rollouts of a hopper baseline.
pub(crate) fn uphill(baseline: &Path) -> [f64; 3] {
    let mut sum = [0.0; 3];
    for state in &Baseline::read(baseline).unwrap().file.bank.states {
        let mut own = [0.0; 3];
        for tried in state.tried.iter().filter(|tried| tried.pair.around == Around::Inside) {
            tried.pair.add_slope(tried.returns, &mut own);
        }
        let length = own.iter().map(|x| x * x).sum::<f64>().sqrt();
        sum.iter_mut().zip(own).for_each(|(to, x)| *to += x / length);
    }
    let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
    sum.map(|x| x / length)
}

/// `v` turned by an angle in degrees, in some plane.
pub(crate) fn turned(v: [f64; 3], degrees: f64) -> [f64; 3] {
    let smallest = (0..3).min_by(|&i, &j| v[i].abs().total_cmp(&v[j].abs())).unwrap();
    let mut other = [0.0; 3];
    other[smallest] = 1.0;
    let other = [0, 1, 2].map(|i| other[i] - v[i] * v[smallest]);
    let length = other.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (sin, cos) = degrees.to_radians().sin_cos();
    [0, 1, 2].map(|i| cos * v[i] + sin * other[i] / length)
}

/// Makes a hopper checkpoint whose actor stands at the bounds of all actions wherever it is.
pub(crate) fn saturate(folder: &Path) {
    saturate_above(folder, -1e3);
}

/// Makes a hopper checkpoint whose actor wants `u` in all actions before tanh, wherever it is.
pub(crate) fn always(folder: &Path, u: f64) {
    let all = [(0, u), (1, u), (2, u)];
    set(folder, &[("actor.layers.2.weight", &[]), ("actor.layers.2.bias", &all)]);
}

/// Makes a baseline one of SAC.
pub(crate) fn of_sac(baseline: &Path) {
    reseal(baseline, baseline, |base| base.critic.algo = Algo::Sac);
}

/// The exit code of a gate and what it says of the first environment.
pub(crate) fn outcome(ran: &Ran) -> (i32, Value) {
    let json: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    (ran.code, json["environments"][0].clone())
}

/// A run on a second environment.
static CHEETAH: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "td3 --env half-cheetah --critic mlp-small --seed 0 --steps 60 \
        --checkpoint-every 60 --evaluate-every 60 --set warmup_steps=20 --set batch=8 \
        --set evaluation_episodes=1 --threads 1 --out .";
    let trained = Command::new(env!("CARGO_BIN_EXE_hyperl-train"))
        .args(arguments.split_whitespace())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    forget_episodes(&folder.path().join("td3-half-cheetah-mlp-small-s0/step-000000060"));
    folder
});

/// Its checkpoint.
pub(crate) fn cheetah() -> PathBuf {
    CHEETAH.path().join("td3-half-cheetah-mlp-small-s0/step-000000060")
}
