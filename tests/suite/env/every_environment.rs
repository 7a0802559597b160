//! Invariants that run over every environment of the registry and every family of tasks.

use std::sync::Arc;

use hyperl::Error;
use hyperl::env::{Env, EnvId, Family, Lockstep, RecordedState, Snapshot, Step, Task};
use hyperl::gradient::known::{LinearEnv, LinearQuadratic, ProcessNoise};
use hyperl::rng::Stream;

/// One step and the observation after it.
type Record = (Step, Vec<f64>);

/// A name and the environments it makes.
type Maker = (&'static str, Box<dyn Fn() -> Box<dyn Env>>);

/// The registry, one task of every family (1 m/s or forward), and the linear-quadratic system with
/// noise in its snapshot.
fn all_envs() -> Vec<Maker> {
    let registry =
        EnvId::ALL.map(|id| -> Maker { (id.name(), Box::new(move || id.make().unwrap())) });
    let families =
        Family::ALL.map(|f| -> Maker { (f.name(), Box::new(move || f.make(Task(1.0)).unwrap())) });
    let linear: Maker = ("linear-quadratic", Box::new(linear));
    registry.into_iter().chain(families).chain([linear]).collect()
}

fn linear() -> Box<dyn Env> {
    let noise = ProcessNoise::Saved(Stream::new(0, "process"));
    Box::new(LinearEnv::new(Arc::new(LinearQuadratic::worked_example().unwrap()), noise))
}

fn action(dim: usize, stream: &mut Stream) -> Vec<f64> {
    (0..dim).map(|_| stream.uniform(-1.0, 1.0)).collect()
}

/// Steps `env` with random actions from `stream`, through the ends of episodes.
fn play(env: &mut dyn Env, steps: usize, stream: &mut Stream) -> Vec<Record> {
    let dim = env.spec().action_dim;
    let mut one = || {
        let step = env.step(&action(dim, stream)).unwrap();
        (step, env.obs().to_vec())
    };
    (0..steps).map(|_| one()).collect()
}

fn episode(env: &mut dyn Env, seed: u64) -> Vec<Record> {
    env.reset(&mut Stream::new(seed, "reset")).unwrap();
    play(env, 40, &mut Stream::new(seed, "action"))
}

#[test]
fn every_environment_obeys_its_spec() {
    for (name, make) in all_envs() {
        let mut env = make();
        let spec = env.spec().clone();
        assert_eq!(spec.name, name);
        assert_eq!(env.obs().len(), spec.obs_dim, "{name}");
        env.reset(&mut Stream::new(0, "reset")).unwrap();
        for (t, (step, obs)) in
            play(&mut *env, 1002, &mut Stream::new(0, "action")).into_iter().enumerate()
        {
            assert_eq!(obs.len(), spec.obs_dim, "{name}");
            assert!(step.reward.is_finite() && obs.iter().all(|x| x.is_finite()), "{name} {t}");
            assert_eq!(step.truncated, t + 1 >= spec.time_limit as usize, "{name} {t}");
        }
        assert_eq!(env.elapsed(), 1002, "{name}");
        env.reset(&mut Stream::new(1, "reset")).unwrap();
        assert_eq!(env.elapsed(), 0, "{name}");
    }
}

#[test]
fn sizes_are_those_of_the_paper_and_of_gymnasium() {
    let sizes: Vec<_> = all_envs()
        .iter()
        .map(|(name, make)| {
            let spec = make().spec().clone();
            (*name, spec.obs_dim, spec.action_dim, spec.time_limit)
        })
        .collect();
    assert_eq!(
        sizes,
        [
            ("hopper", 11, 3, 1000),
            ("walker2d", 17, 6, 1000),
            ("half-cheetah", 17, 6, 1000),
            ("ant", 111, 8, 1000),
            ("ant-v4", 27, 8, 1000),
            ("ant-contact", 111, 8, 1000),
            ("hopper-v5", 11, 3, 1000),
            ("walker2d-v5", 17, 6, 1000),
            ("ant-v5", 105, 8, 1000),
            ("swimmer", 8, 2, 1000),
            ("reacher", 11, 2, 50),
            ("reacher-v5", 10, 2, 50),
            ("pusher-v5", 23, 7, 100),
            ("inverted-pendulum", 4, 1, 1000),
            ("inverted-pendulum-v5", 4, 1, 1000),
            ("inverted-double-pendulum", 11, 1, 1000),
            ("inverted-double-pendulum-v5", 9, 1, 1000),
            ("humanoid", 376, 17, 1000),
            ("humanoid-v5", 348, 17, 1000),
            ("half-cheetah-fwd-back", 20, 6, 200),
            ("half-cheetah-vel", 20, 6, 200),
            ("half-cheetah-vel-medium", 20, 6, 200),
            ("ant-fwd-back", 27, 8, 200),
            ("ant-dir-rad1", 27, 8, 200),
            ("ant-vel", 27, 8, 200),
            ("linear-quadratic", 3, 2, 1000),
        ]
    );
}

#[test]
fn a_seed_repeats_and_another_seed_does_not() {
    for (name, make) in all_envs() {
        let first = episode(&mut *make(), 7);
        assert_eq!(first, episode(&mut *make(), 7), "{name}");
        let mut used = make();
        episode(&mut *used, 3);
        if name != "linear-quadratic" {
            // Its process noise goes on across episodes.
            assert_eq!(first, episode(&mut *used, 7), "{name}: after another episode");
        }
        assert_ne!(first, episode(&mut *make(), 8), "{name}");
    }
}

#[test]
fn every_number_of_an_observation_moves_except_those_that_cannot() {
    for (name, make) in all_envs() {
        let mut env = make();
        let episodes: Vec<Record> = (0..20).flat_map(|seed| episode(&mut *env, seed)).collect();
        let still: Vec<usize> = (0..env.spec().obs_dim)
            .filter(|&i| episodes.iter().all(|(_, obs)| obs[i] == episodes[0].1[i]))
            .collect();
        let expected: Vec<usize> = match name {
            "ant" => (27..111).collect(),
            // The row of the world.
            "ant-contact" => (27..33).collect(),
            // The plane's z; heights of object and goal, and the goal's place.
            "reacher" => vec![10],
            "pusher-v5" => vec![19, 20, 21, 22],
            // Hinges without limits.
            "inverted-double-pendulum" => vec![9, 10],
            // Inertia of the world, and its velocity; root and contacts.
            "humanoid" => (45..55).chain(185..191).chain(269..275).chain(292..298).collect(),
            // The torso's position is x, y, z.
            _ if name.starts_with("half-cheetah-") => vec![18],
            _ => vec![],
        };
        let mut missing = expected.iter().filter(|i| !still.contains(i));
        assert_eq!(missing.next(), None, "{name}: these should not move");
        // Welded bodies may never touch the ground; all else must move.
        let moving = |i: &usize| *i < 27 && !expected.contains(i);
        assert!(!still.iter().any(moving), "{name}: constant {still:?}");
    }
}

#[test]
fn restored_state_replays_the_same_trajectory() {
    for (name, make) in all_envs() {
        for before in [0, 1, 7, 60, 300] {
            let mut env = make();
            env.reset(&mut Stream::new(5, "reset")).unwrap();
            play(&mut *env, before, &mut Stream::new(5, "action"));
            let (snapshot, obs, elapsed) =
                (env.snapshot().unwrap(), env.obs().to_vec(), env.elapsed());
            let expected = play(&mut *env, 60, &mut Stream::new(6, "action"));

            let mut dirty = make();
            episode(&mut *dirty, 11);
            for (kind, mut other) in [("itself", env), ("fresh", make()), ("dirty", dirty)] {
                other.restore(&snapshot).unwrap();
                assert_eq!(other.obs(), obs, "{name} {kind} after {before}");
                assert_eq!(other.elapsed(), elapsed, "{name} {kind} after {before}");
                assert_eq!(other.snapshot().unwrap(), snapshot, "{name} {kind} after {before}");
                let replayed = play(&mut *other, 60, &mut Stream::new(6, "action"));
                for (t, (found, expected)) in replayed.iter().zip(&expected).enumerate() {
                    assert_eq!(found, expected, "{name} {kind} after {before}, step {t}");
                }
            }
        }
    }
}

#[test]
fn a_task_changes_the_reward_and_nothing_else() {
    for family in Family::ALL {
        let [forward, backward] =
            [1.0, -1.0].map(|number| episode(&mut *family.make(Task(number)).unwrap(), 4));
        for (t, ((one, seen), (other, also))) in forward.iter().zip(&backward).enumerate() {
            assert_eq!(seen, also, "{family} {t}");
            assert_eq!(one.terminated, other.terminated, "{family} {t}");
            assert_ne!(one.reward, other.reward, "{family} {t}");
        }
    }
}

#[test]
fn a_family_pays_for_the_action_that_its_motors_get() {
    for family in Family::ALL {
        let mut env = family.make(Task(1.0)).unwrap();
        let dim = env.spec().action_dim;
        let after = [1.0, 3.0].map(|size| {
            env.reset(&mut Stream::new(0, "reset")).unwrap();
            (env.step(&vec![-size; dim]).unwrap(), env.obs().to_vec())
        });
        assert_eq!(after[0], after[1], "{family}");
    }
}

#[test]
fn cheetahs_of_the_families_observe_single_precision() {
    for family in Family::ALL.into_iter().filter(|f| f.spec().obs_dim == 20) {
        for (_, obs) in episode(&mut *family.make(Task(1.0)).unwrap(), 2) {
            assert!(obs.iter().all(|x| f64::from(*x as f32) == *x), "{family}");
        }
    }
}

#[test]
fn a_snapshot_of_another_environment_is_refused() {
    let ant = EnvId::AntV4.make().unwrap().snapshot().unwrap();
    let error = EnvId::Hopper.make().unwrap().restore(&ant).unwrap_err();
    assert!(matches!(error, Error::Mismatch { .. }), "{error}");
    assert!(error.to_string().contains("length of a snapshot of hopper"), "{error}");
}

#[test]
fn a_recorded_state_of_another_model_is_refused() {
    let error = EnvId::Hopper.snapshot_from_state(&RecordedState::default()).unwrap_err();
    assert!(error.to_string().contains("length of qpos: expected 6, got 0"), "{error}");
}

#[test]
fn unstable_physics_is_an_error_until_the_next_reset() {
    for id in EnvId::ALL {
        let mut env = id.make().unwrap();
        env.reset(&mut Stream::new(0, "reset")).unwrap();
        let good = env.snapshot().unwrap();
        let mut wild = vec![0.0; id.spec().action_dim];
        wild[0] = f64::NAN;
        let error = env.step(&wild).unwrap_err();
        assert!(matches!(error, Error::Physics { .. }), "{id}: {error}");
        assert!(error.to_string().contains(id.name()), "{id}: {error}");
        let calm = vec![0.0; id.spec().action_dim];
        assert!(env.step(&calm).is_err(), "{id}: a warning does not go away by stepping on");
        env.restore(&good).unwrap();
        assert!(env.step(&calm).is_ok(), "{id}");
        assert!(env.step(&wild).is_err(), "{id}");
        env.reset(&mut Stream::new(0, "reset")).unwrap();
        assert!(env.step(&calm).is_ok(), "{id}");
    }
}

#[test]
fn a_broken_state_is_an_error_although_mujoco_resets_itself() {
    for id in EnvId::ALL {
        let mut env = id.make().unwrap();
        env.reset(&mut Stream::new(0, "reset")).unwrap();
        // qpos follows elapsed (1), what is stale (3) and time (1).
        for broken in [f64::NAN, 1e12] {
            let Snapshot(mut numbers) = env.snapshot().unwrap();
            numbers[6] = broken;
            env.restore(&Snapshot(numbers)).unwrap();
            let result = env.step(&vec![0.0; id.spec().action_dim]);
            assert!(matches!(result, Err(Error::Physics { .. })), "{id} {broken}");
            env.reset(&mut Stream::new(0, "reset")).unwrap();
        }
    }
}

#[test]
fn nothing_is_logged_into_the_working_folder() {
    let mut env = EnvId::HalfCheetah.make().unwrap();
    assert!(env.step(&[f64::NAN; 6]).is_err());
    assert!(!std::path::Path::new("MUJOCO_LOG.TXT").exists());
}

#[test]
fn lockstep_equals_one_at_a_time_for_any_number_of_threads() {
    const SLOTS: usize = 7;
    const STEPS: usize = 30;
    for id in EnvId::ALL {
        let dim = id.spec().action_dim;
        let actions: Vec<f64> = action(STEPS * SLOTS * dim, &mut Stream::new(0, "action"));
        // Slot i stops after 10 + 3 i steps.
        let active = |t: usize| -> Vec<bool> { (0..SLOTS).map(|i| t < 10 + 3 * i).collect() };

        let alone: Vec<Vec<Record>> = (0..SLOTS)
            .map(|i| {
                let mut env = id.make().unwrap();
                env.reset(&mut Stream::new(i as u64, "reset")).unwrap();
                (0..STEPS.min(10 + 3 * i))
                    .map(|t| {
                        let row = (t * SLOTS + i) * dim;
                        let step = env.step(&actions[row..row + dim]).unwrap();
                        (step, env.obs().to_vec())
                    })
                    .collect()
            })
            .collect();

        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut envs = Lockstep::new(SLOTS, || id.make()).unwrap();
                let mut streams: Vec<Stream> =
                    (0..SLOTS as u64).map(|i| Stream::new(i, "reset")).collect();
                envs.reset_all(&mut streams).unwrap();
                let mut steps: Vec<_> = (0..SLOTS).map(|_| None).collect();
                let mut obs = vec![0.0f32; SLOTS * id.spec().obs_dim];
                for (t, row) in actions.chunks_exact(SLOTS * dim).enumerate() {
                    envs.step(row, &active(t), &mut steps);
                    envs.observe_into(&mut obs);
                    for (i, step) in steps.iter_mut().enumerate() {
                        let found = step.take().map(Result::unwrap);
                        let expected = alone[i].get(t);
                        assert_eq!(found.as_ref(), expected.map(|(s, _)| s), "{id} slot {i}");
                        let (_, last) = expected.unwrap_or_else(|| alone[i].last().unwrap());
                        assert_eq!(envs.slot(i).obs(), last, "{id} slot {i}");
                        let seen = &obs[i * last.len()..(i + 1) * last.len()];
                        assert!(seen.iter().zip(last).all(|(s, x)| *s == *x as f32), "{id}");
                    }
                }
            });
        }
    }
}

#[test]
fn an_unstable_slot_leaves_the_others_alone() {
    let mut envs = Lockstep::new(3, || EnvId::Hopper.make()).unwrap();
    let mut actions = [0.0; 9];
    actions[4] = f64::INFINITY;
    let mut steps = [None, None, None];
    envs.step(&actions, &[true; 3], &mut steps);
    assert!(matches!(steps, [Some(Ok(_)), Some(Err(Error::Physics { .. })), Some(Ok(_))]));
}
