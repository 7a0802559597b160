//! Does the linear-quadratic system earn what its formulas say, step by step?

use std::sync::Arc;

use hyperl::env::{Env, Snapshot};
use hyperl::gradient::known::{LinearEnv, LinearQuadratic, ProcessNoise};

use crate::support::seeds::drawn;

fn noisy(noise: ProcessNoise) -> LinearEnv {
    LinearEnv::new(Arc::new(LinearQuadratic::worked_example().unwrap()), noise)
}

fn rewards(env: &mut LinearEnv, steps: usize) -> Vec<f64> {
    (0..steps).map(|_| env.step(&[0.3, -0.2]).unwrap().reward).collect()
}

#[test]
fn saved_noise_repeats_in_another_slot_and_fresh_noise_does_not() {
    let mut env = noisy(ProcessNoise::Saved(drawn(0, "process")));
    env.reset(&mut drawn(0, "reset")).unwrap();
    rewards(&mut env, 5);
    let snapshot = env.snapshot().unwrap();
    let mut other = noisy(ProcessNoise::Saved(drawn(1, "process")));
    other.restore(&snapshot).unwrap();
    assert_eq!(rewards(&mut env, 20), rewards(&mut other, 20));

    let mut fresh = noisy(ProcessNoise::Fresh(drawn(0, "process")));
    let start = fresh.snapshot().unwrap();
    let first = rewards(&mut fresh, 20);
    fresh.restore(&start).unwrap();
    assert_ne!(first, rewards(&mut fresh, 20));
}

#[test]
fn a_quiet_rollout_earns_the_closed_form() {
    let mut env = noisy(ProcessNoise::Off);
    let (s, a) = ([1.0, -0.5, 0.25], [0.3, -0.2]);
    let system = env.system().clone().with_noise(vec![0.0; 3].into(), vec![0.0; 2].into());
    env.restore(&env.snapshot_at(&s)).unwrap();
    let (mut earned, mut discount, mut action) = (0.0, 1.0, a.to_vec());
    for _ in 0..120 {
        earned += discount * env.step(&action).unwrap().reward;
        discount *= 0.95;
        action = system.act(env.obs()).to_vec();
    }
    assert!((earned - system.q_within(&s, &a, 120)).abs() < 1e-12);
    assert_eq!(env.elapsed(), 120);
}

#[test]
fn the_mean_of_noisy_rollouts_is_q() {
    let system = LinearQuadratic::worked_example().unwrap();
    let (s, a) = ([1.0, -0.5, 0.25], [0.3, -0.2]);
    let mut env = noisy(ProcessNoise::Fresh(drawn(2, "process")));
    let mut explore = drawn(2, "explore");
    let start = env.snapshot_at(&s);
    let rollouts = 4000;
    let returns: Vec<f64> = (0..rollouts)
        .map(|_| {
            env.restore(&start).unwrap();
            let (mut earned, mut discount, mut action) = (0.0, 1.0, a.to_vec());
            for _ in 0..50 {
                earned += discount * env.step(&action).unwrap().reward;
                discount *= 0.95;
                action = system.explore(env.obs(), &mut explore).to_vec();
            }
            earned
        })
        .collect();
    let n = f64::from(rollouts);
    let mean = returns.iter().sum::<f64>() / n;
    let var = returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (mean - system.q_within(&s, &a, 50)) / (var / n).sqrt();
    assert!(error.abs() < 4.0, "{error} standard errors");
}

#[test]
fn episodes_are_truncated_and_never_terminate() {
    let mut env = noisy(ProcessNoise::Off).with_time_limit(3);
    env.reset(&mut drawn(0, "reset")).unwrap();
    let ends: Vec<_> = (0..4).map(|_| env.step(&[0.0; 2]).unwrap().truncated).collect();
    assert_eq!(ends, [false, false, true, true]);
    assert!(env.step(&[f64::NAN, 0.0]).is_err());
}

#[test]
fn a_snapshot_of_another_size_is_refused() {
    let mut env = noisy(ProcessNoise::Off);
    let message = env.restore(&Snapshot(vec![0.0; 3])).unwrap_err().to_string();
    assert!(message.contains("expected 4, got 3"), "{message}");
}
