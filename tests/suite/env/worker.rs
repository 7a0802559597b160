//! Environments in other processes: `tests/fixtures/worker/linear.py`, whose rewards are known, and its faults.

use hyperl::env::{EnvId, RecordedState, Snapshot, Step};
use hyperl::rng::Stream;
use hyperl::rollout::{BLOCK, End, Job, Outcome, Policy, Rollouts};
use hyperl::{Error, Result};

use crate::support::worker::command;

fn serve(fault: &str, seconds: f64) -> Result<EnvId> {
    EnvId::worker(&command(fault), Some(seconds))
}

/// Returns the numbers after `k` steps with one action.
fn after(s: &[f64], action: [f64; 3], k: u32) -> Vec<f64> {
    let left = 0.9f64.powi(k as i32);
    s.iter().enumerate().map(|(i, s)| left * s + 5.0 * (1.0 - left) * action[i % 3]).collect()
}

fn near(found: &[f64], expected: &[f64]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12)
}

/// Returns a state of its own, and what is observed in it.
fn start(env: EnvId, seed: u64) -> (Snapshot, Vec<f64>) {
    let mut env = env.make().unwrap();
    env.reset(&mut Stream::new(seed, "start")).unwrap();
    (env.snapshot().unwrap(), env.obs().to_vec())
}

#[test]
fn many_environments_of_one_process_step_as_their_closed_form_says() {
    let id = serve("", 60.0).unwrap();
    assert_eq!((id.name(), id.spec().obs_dim, id.spec().time_limit), ("linear-sum", 11, 1000));
    let mut envs: Vec<_> = (0..5).map(|_| id.make().unwrap()).collect();
    let actions = [-1.0, -0.5, 0.0, 0.25, 1.0].map(|a| [a, -a, 0.5]);
    let mut starts = Vec::new();
    for (seed, env) in (0..).zip(&mut envs) {
        env.reset(&mut Stream::new(seed, "reset")).unwrap();
        starts.push(env.obs().to_vec());
    }
    assert_ne!(starts[0], starts[1]);
    for k in 1..=10 {
        // Some in one message, one by itself.
        for (env, action) in envs.iter_mut().zip(&actions).skip(1) {
            env.prepare(action);
        }
        for ((env, action), s) in envs.iter_mut().zip(actions).zip(&starts) {
            let Step { reward, terminated, truncated } = env.step(&action).unwrap();
            let expected = after(s, action, k);
            assert!(near(env.obs(), &expected), "{:?} {expected:?}", env.obs());
            assert!((reward - expected.iter().sum::<f64>()).abs() < 1e-10 && !terminated);
            assert_eq!((truncated, env.elapsed()), (false, k));
        }
    }
    // What was asked for and not taken is forgotten when the environment is put elsewhere.
    let kept = envs[0].snapshot().unwrap();
    envs[1].prepare(&[1.0; 3]);
    envs[1].restore(&kept).unwrap();
    assert_eq!((envs[1].obs().to_vec(), envs[1].elapsed()), (envs[0].obs().to_vec(), 10));
    let [one, other] = [0, 1].map(|i| envs[i].step(&[0.5; 3]).unwrap());
    assert_eq!(one, other);
    // A table may have filled the state up with zeros.
    let Snapshot(mut numbers) = kept;
    numbers.resize(numbers.len() + 3, 0.0);
    envs[2].restore(&Snapshot(numbers.clone())).unwrap();
    assert_eq!(envs[2].step(&[0.5; 3]).unwrap(), one);
    numbers.push(1.0);
    assert!(matches!(envs[2].restore(&Snapshot(numbers)), Err(Error::Mismatch { .. })));
    assert!(matches!(envs[2].restore(&Snapshot(vec![])), Err(Error::Mismatch { .. })));
}

#[test]
fn a_step_takes_the_action_that_was_prepared() {
    let mut env = serve("", 60.0).unwrap().make().unwrap();
    env.prepare(&[0.5; 3]);
    let other = std::panic::AssertUnwindSafe(|| env.step(&[0.25; 3]));
    assert!(std::panic::catch_unwind(other).is_err());
}

#[test]
fn actions_are_stretched_to_the_bounds_of_the_environment() {
    let id = serve("wide", 60.0).unwrap();
    assert_eq!(id.bounds(), [[-1.0, 3.0]; 3]);
    let mut env = id.make().unwrap();
    let s = env.obs().to_vec();
    env.step(&[-1.0, 0.0, 1.0]).unwrap();
    assert!(near(env.obs(), &after(&s, [-1.0, 1.0, 3.0], 1)));
}

/// Acts with a tenth of minus the first three numbers.
struct Back;

impl Policy for Back {
    fn act(&self, obs: &[f64], actions: &mut [f64]) -> Result<()> {
        let rows = obs.chunks_exact(obs.len() / BLOCK).zip(actions.chunks_exact_mut(3));
        rows.for_each(|(obs, action)| (0..3).for_each(|i| action[i] = -0.1 * obs[i]));
        Ok(())
    }

    fn before_tanh(&self, _: &[f64], _: &mut [f64]) -> Result<()> {
        unreachable!("nothing perturbs it")
    }

    fn share(&self) -> Result<Box<dyn Policy>> {
        Ok(Box::new(Self))
    }
}

/// Makes a rollout of so many steps from each state, with a first action.
fn roll_out<'s>(
    id: EnvId,
    starts: impl Iterator<Item = &'s Snapshot>,
    (first, max_steps): ([f64; 3], u32),
    threads: usize,
) -> Vec<Outcome> {
    let first_action = Some(&first[..]);
    let job = |start| Job { start, first_action, max_steps, noise: None, draws: None };
    let workers = hyperl::nn::workers::start(threads).unwrap();
    let rollouts = Rollouts {
        make_env: &|| id.make(),
        policy: &Back,
        gamma: 0.9,
        hold: 1,
        marks: &[],
        workers: &workers,
        progress: &|_| (),
    };
    rollouts.run(&starts.map(job).collect::<Vec<_>>()).unwrap()
}

#[test]
fn rollouts_are_those_of_the_closed_form_for_any_number_of_workers() {
    let id = serve("", 60.0).unwrap();
    let starts: Vec<_> = (0..70).map(|seed| start(id, seed)).collect();
    let first = [0.3, -0.6, 0.9];
    let run = |threads| roll_out(id, starts.iter().map(|(state, _)| state), (first, 9), threads);
    let alone = run(1);
    assert_eq!(alone, run(2));
    assert_eq!(alone, run(3));
    for (outcome, (_, s)) in alone.iter().zip(&starts) {
        let (mut s, mut expected) = (s.clone(), 0.0);
        for k in 0..9 {
            let action = if k == 0 { first } else { [0, 1, 2].map(|i| -0.1 * s[i]) };
            s = after(&s, action, 1);
            expected += 0.9f64.powi(k) * s.iter().sum::<f64>();
        }
        assert!((outcome.discounted_return - expected).abs() < 1e-10, "{outcome:?} {expected}");
        assert_eq!((outcome.steps, outcome.end), (9, End::Cut));
    }
}

#[test]
fn noise_is_part_of_the_state_until_another_one_is_set() {
    let id = serve("noisy", 60.0).unwrap();
    let (state, _) = start(id, 0);
    let mut env = id.make().unwrap();
    let mut earned = |noise: Option<u64>| {
        env.restore(&state).unwrap();
        if let Some(seed) = noise {
            env.set_noise(&Stream::new(seed, "noise")).unwrap();
        }
        (0..4).map(|_| env.step(&[0.0; 3]).unwrap().reward.to_bits()).collect::<Vec<_>>()
    };
    let (kept, first, second) = (earned(None), earned(Some(1)), earned(Some(2)));
    assert_eq!((earned(None), earned(Some(1))), (kept.clone(), first.clone()));
    assert!(kept != first && first != second, "{kept:?} {first:?} {second:?}");
}

/// Steps until something goes wrong, and says what.
fn fails(fault: &str, seconds: f64) -> String {
    let broken = || -> Result<()> {
        let mut env = serve(fault, seconds)?.make()?;
        (0..2000).try_for_each(|_| env.step(&[0.0; 3]).map(|_| ()))
    };
    let error = broken().expect_err(fault);
    assert!(matches!(error, Error::Worker { .. } | Error::Physics { .. }), "{error}");
    error.to_string().replace(&command(fault), "it")
}

#[test]
fn whatever_a_worker_does_wrong_is_said() {
    for (fault, said) in [
        ("dying", "the environment `it`: it ended (exit status: 7) before it answered"),
        ("stopping", "it ended (exit status: 1) before it answered"),
        ("raising", "it failed: ValueError: this is too much"),
        (
            "nan",
            "the physics of linear-sum became unstable: NaN or infinity in reward or observation",
        ),
        ("version", "it speaks version 2 of the protocol, this program version 1"),
        ("printing", "to a question of kind 0 came an answer of 1684107084 bytes"),
        ("short", "to a question of kind 2 came 5 bytes where 97 were expected"),
        ("unseeded", "it restores inexactly: two resets from one seed differ"),
        ("inexact", "it restores inexactly: "),
        ("stale", "it restores inexactly: 1 steps after a restored state the reward is"),
        ("unbounded", "its actions lie in [-1, inf]; give them finite bounds"),
        ("known", "its name 'hopper' is that of one of ours"),
        ("odd", "its name 'my env' is none"),
    ] {
        let error = fails(fault, 60.0);
        assert!(error.contains(said), "{fault}: {error}");
    }
    let missing = EnvId::worker("no-such-program-at-all", None).unwrap_err().to_string();
    assert!(missing.contains("it ended (exit status: 127) before it answered"), "{missing}");
    assert!(EnvId::worker("cat", Some(-1.0)).unwrap_err().to_string().contains("--env-timeout"));
}

#[test]
fn a_worker_that_hangs_is_ended_with_all_that_it_started() {
    let error = fails("hanging", 1.5);
    assert!(error.contains("it gave no answer within 1.5 seconds, and was ended"), "{error}");
    // The shell has a child of its own here, which holds its output open.
    let started = std::time::Instant::now();
    let error = EnvId::worker("sleep 1000 & wait", Some(0.5)).unwrap_err().to_string();
    assert!(error.contains("no answer within 0.5 seconds"), "{error}");
    assert!(started.elapsed().as_secs() < 30);
}

/// Serves Gymnasium's Hopper-v4, as `scripts/setup` fetched it.
fn gymnasium() -> EnvId {
    let here = env!("CARGO_MANIFEST_DIR");
    let paths = format!("PYTHONPATH='{here}/python:{here}/.deps/python'");
    let script = format!("{here}/tests/fixtures/worker/hopper.py");
    EnvId::worker(&format!("{paths} exec python3 -W ignore '{script}'"), None).unwrap()
}

#[test]
fn gymnasiums_hopper_in_a_worker_is_ours_step_by_step() {
    let worker = gymnasium();
    let [mut theirs, mut ours] = [worker, EnvId::Hopper].map(|id| id.make().unwrap());
    let mut actions = Stream::new(0, "actions");
    let (mut steps, mut worst, mut both) = (0, 0.0f64, Vec::new());
    for seed in 0..20 {
        theirs.reset(&mut Stream::new(seed, "reset")).unwrap();
        let middle = 5 + seed as u32;
        let mut kept = None;
        // From the reset, and then once more from a state that was restored: an episode with a fall at its end.
        for restored in [false, true] {
            if let (true, Some((state, recorded))) = (restored, &kept) {
                let same = EnvId::Hopper.snapshot_from_state(recorded).unwrap();
                theirs.restore(state).unwrap();
                ours.restore(&same).unwrap();
                both.push([Snapshot::clone(state), same]);
            } else {
                let start = recorded(theirs.obs(), 0);
                ours.restore(&EnvId::Hopper.snapshot_from_state(&start).unwrap()).unwrap();
            }
            loop {
                if theirs.elapsed() == middle && !restored {
                    kept = Some((theirs.snapshot().unwrap(), recorded(theirs.obs(), middle)));
                }
                let action = [0; 3].map(|_| actions.uniform(-1.0, 1.0));
                let [a, b] = [theirs.step(&action).unwrap(), ours.step(&action).unwrap()];
                assert_eq!((a.terminated, a.truncated), (b.terminated, b.truncated));
                let pairs = theirs.obs()[..11].iter().zip(ours.obs());
                let apart =
                    pairs.map(|(a, b)| (a - b).abs()).fold((a.reward - b.reward).abs(), f64::max);
                (steps, worst) = (steps + 1, worst.max(apart));
                if a.terminated {
                    break;
                }
            }
        }
    }
    // Whatever is measured is made of such returns.
    let [a, b] = [(worker, 0), (EnvId::Hopper, 1)].map(|(id, i)| {
        roll_out(id, both.iter().map(|pair: &[Snapshot; 2]| &pair[i]), ([0.9, -0.5, 0.1], 100), 2)
    });
    for (a, b) in a.iter().zip(&b) {
        assert_eq!((a.steps, a.end), (b.steps, b.end));
        worst = worst.max((a.discounted_return - b.discounted_return).abs());
    }
    eprintln!(
        "{steps} steps and {} rollouts of Gymnasium's Hopper, at most {worst:e} from ours",
        both.len()
    );
    assert!(steps > 400 && worst < 1e-8, "{steps} {worst:e}");
}

/// Returns the state at the end of an observation of `hopper.py`.
fn recorded(obs: &[f64], elapsed: u32) -> RecordedState {
    let part = |i: usize| obs[11 + 6 * i..17 + 6 * i].to_vec();
    let [qpos, qvel, warmstart] = [part(0), part(1), part(2)];
    RecordedState { qpos, qvel, warmstart, stale: [0.0; 3], elapsed }
}
