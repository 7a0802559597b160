//! Does a rollout in a block equal the same rollout made alone, and the value known in closed form?

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyperl::Result;
use hyperl::env::{Env, EnvId, Snapshot, Spec, Step};
use hyperl::gradient::known::{LinearEnv, LinearQuadratic, ProcessNoise};
use hyperl::nn::actor::Actor;
use hyperl::nn::critic::Dims;
use hyperl::nn::weights::{Draw, Training};
use hyperl::rng::Stream;
use hyperl::rollout::{BLOCK, End, Job, Outcome, Policy, Rollouts};
use tch::{Device, Kind};

const GAMMA: f64 = 0.99;

fn actor(obs: usize, action: usize) -> Actor {
    let stream = Stream::new(4, "init");
    let mut draw = Draw { stream: &stream, kind: Kind::Float, device: Device::Cpu };
    let dims = Dims { obs: obs as i64, action: action as i64 };
    Actor::new(dims, Training::Frozen, &mut draw).unwrap()
}

fn actor_of(env: EnvId) -> Actor {
    actor(env.spec().obs_dim, env.spec().action_dim)
}

/// What the jobs of a mix borrow.
struct Start {
    state: Snapshot,
    first_action: Option<Vec<f64>>,
    max_steps: u32,
}

/// Starts at different times of different episodes; every third one has no first action.
fn starts(env: EnvId, count: usize) -> Vec<Start> {
    let mut stream = Stream::new(1, env.name());
    let mut simulator = env.make().unwrap();
    let dims = env.spec().action_dim;
    let mut start = |i: usize| {
        if i.is_multiple_of(4) {
            simulator.reset(&mut stream).unwrap();
        }
        let mut random = || (0..dims).map(|_| stream.uniform(-1.0, 1.0)).collect::<Vec<_>>();
        simulator.step(&random()).unwrap();
        let first_action = (!i.is_multiple_of(3)).then(random);
        Start {
            state: simulator.snapshot().unwrap(),
            first_action,
            max_steps: 1 + (i as u32 * 37) % 60,
        }
    };
    (0..count).map(&mut start).collect()
}

fn jobs(starts: &[Start]) -> Vec<Job<'_>> {
    starts
        .iter()
        .map(|s| Job {
            start: &s.state,
            first_action: s.first_action.as_deref(),
            max_steps: s.max_steps,
            noise: None,
            draws: None,
        })
        .collect()
}

/// Steps after which returns so far are noted.
const MARKS: [u32; 3] = [1, 7, 40];

/// How the rollouts of a test are made.
struct Setting<'s> {
    policy: &'s dyn Policy,
    hold: u32,
    threads: usize,
}

fn run(env: EnvId, jobs: &[Job], setting: Setting) -> Vec<Outcome> {
    run_in(&|| env.make(), jobs, (GAMMA, setting))
}

fn run_in(
    make_env: &(dyn Fn() -> Result<Box<dyn Env>> + Sync),
    jobs: &[Job],
    (gamma, Setting { policy, hold, threads }): (f64, Setting),
) -> Vec<Outcome> {
    let workers = hyperl::nn::workers::start(threads).unwrap();
    let told = AtomicU64::new(0);
    let progress = |steps| _ = told.fetch_add(steps, Ordering::Relaxed);
    let rollouts = Rollouts {
        make_env,
        policy,
        gamma,
        hold,
        marks: &MARKS,
        workers: &workers,
        progress: &progress,
    };
    let outcomes = rollouts.run(jobs).unwrap();
    let made: u64 = outcomes.iter().map(|outcome| u64::from(outcome.steps)).sum();
    assert_eq!(told.into_inner(), made, "progress is told every step once");
    outcomes
}

/// The twin: one simulator, one job, step by step; the policy sees this one observation, in the
/// first row of an otherwise empty block.
fn alone(env: EnvId, policy: &dyn Policy, job: &Job, hold: u32) -> Outcome {
    let mut simulator = env.make().unwrap();
    simulator.restore(job.start).unwrap();
    let Spec { obs_dim, action_dim, .. } = *env.spec();
    let (mut discounted_return, mut discount, mut steps, mut rewards) = (0.0, 1.0, 0, Vec::new());
    let end = loop {
        let action = match job.first_action {
            Some(first) if steps < hold => first.to_vec(),
            _ => {
                let (mut obs, mut actions) =
                    (vec![0.0; BLOCK * obs_dim], vec![0.0; BLOCK * action_dim]);
                obs[..obs_dim].copy_from_slice(simulator.obs());
                policy.act(&obs, &mut actions).unwrap();
                actions[..action_dim].to_vec()
            }
        };
        let step = simulator.step(&action).unwrap();
        discounted_return += discount * step.reward;
        rewards.push(discount * step.reward);
        discount *= GAMMA;
        steps += 1;
        if step.terminated {
            break End::Terminated;
        }
        if steps == job.max_steps {
            break End::Cut;
        }
    };
    let partial = MARKS.map(|mark| rewards.iter().take(mark as usize).sum()).to_vec();
    Outcome { discounted_return, steps, end, last_obs: simulator.obs().to_vec(), partial }
}

/// An outcome such that equality is equality of bits, NaN included.
fn bits(outcome: &Outcome) -> (u64, u32, End, Vec<u64>) {
    let Outcome { discounted_return, steps, end, last_obs, partial } = outcome;
    let numbers = last_obs.iter().chain(partial);
    (discounted_return.to_bits(), *steps, *end, numbers.map(|x| x.to_bits()).collect())
}

fn all_bits(outcomes: &[Outcome]) -> Vec<(u64, u32, End, Vec<u64>)> {
    outcomes.iter().map(bits).collect()
}

#[test]
fn a_rollout_in_a_block_equals_the_same_rollout_alone() {
    for env in [EnvId::Hopper, EnvId::HalfCheetah] {
        let policy = actor_of(env);
        let starts = starts(env, BLOCK + 13);
        let jobs = jobs(&starts);
        for hold in [1, 3] {
            let together = run(env, &jobs, Setting { policy: &policy, hold, threads: 2 });
            assert_eq!(together.len(), jobs.len());
            for (i, (outcome, job)) in together.iter().zip(&jobs).enumerate() {
                let twin = alone(env, &policy, job, hold);
                assert_eq!(bits(outcome), bits(&twin), "{env}, hold {hold}, rollout {i}");
            }
            let ended = |end| together.iter().filter(|outcome| outcome.end == end).count();
            assert!(ended(End::Cut) > 5, "{env}: some are cut");
            assert_eq!(ended(End::Terminated) > 5, env == EnvId::Hopper, "{env}: who falls");
        }
    }
}

#[test]
fn every_row_of_a_block_is_treated_alike() {
    // What lets a rollout be made anywhere in a block: no kernel sums some rows in another order.
    for env in EnvId::ALL {
        let Spec { obs_dim, action_dim, .. } = *env.spec();
        let mut stream = Stream::new(5, env.name());
        let obs: Vec<f64> = (0..obs_dim).map(|_| stream.normal()).collect();
        let mut actions = vec![0.0; BLOCK * action_dim];
        Policy::act(&actor_of(env), &obs.repeat(BLOCK), &mut actions).unwrap();
        for row in actions.chunks_exact(action_dim) {
            assert_eq!(row, &actions[..action_dim], "{env}");
        }
    }
}

#[test]
fn neither_threads_nor_neighbours_change_a_rollout() {
    for env in [EnvId::Hopper, EnvId::HalfCheetah] {
        let policy = actor_of(env);
        let starts = starts(env, 3 * BLOCK + 5);
        let jobs = jobs(&starts);
        let with =
            |jobs: &[Job], threads| run(env, jobs, Setting { policy: &policy, hold: 1, threads });
        let reference = all_bits(&with(&jobs, 1));
        for threads in [2, 3] {
            assert_eq!(all_bits(&with(&jobs, threads)), reference, "{env}, {threads} threads");
        }
        let order = Stream::new(0, "order").sample_without_replacement(jobs.len(), jobs.len());
        let shuffled: Vec<Job> = order.iter().map(|&i| jobs[i]).collect();
        for (outcome, i) in with(&shuffled, 2).iter().zip(order) {
            assert_eq!(bits(outcome), reference[i], "{env}, rollout {i} among others");
        }
    }
}

/// Pays the first entry of each action; absorbs after `top` steps.
struct Ladder {
    spec: Spec,
    top: u32,
    obs: [f64; 1],
}

impl Ladder {
    #[allow(clippy::unnecessary_wraps, reason = "the signature of a maker of simulators")]
    fn make(top: u32) -> Result<Box<dyn Env>> {
        let spec = Spec { name: "ladder", obs_dim: 1, action_dim: 1, time_limit: 99, dt: 1.0 };
        Ok(Box::new(Self { spec, top, obs: [0.0] }))
    }
}

impl Env for Ladder {
    fn spec(&self) -> &Spec {
        &self.spec
    }
    fn reset(&mut self, _reset: &mut Stream) -> Result<()> {
        self.obs = [0.0];
        Ok(())
    }
    fn obs(&self) -> &[f64] {
        &self.obs
    }
    fn step(&mut self, action: &[f64]) -> Result<Step> {
        self.obs[0] += 1.0;
        let terminated = self.elapsed() >= self.top;
        Ok(Step { reward: action[0], terminated, truncated: false })
    }
    fn elapsed(&self) -> u32 {
        self.obs[0] as u32
    }
    fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot(self.obs.to_vec()))
    }
    fn restore(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.obs = [snapshot.0[0]];
        Ok(())
    }
}

/// A policy written as a function of one observation.
#[derive(Clone)]
struct Rule<F>(usize, F);

impl<F: Fn(&[f64]) -> Vec<f64> + Clone + Send + 'static> Policy for Rule<F> {
    fn act(&self, obs: &[f64], actions: &mut [f64]) -> Result<()> {
        let width = actions.len() / BLOCK;
        for (row, action) in obs.chunks_exact(self.0).zip(actions.chunks_exact_mut(width)) {
            action.copy_from_slice(&(self.1)(row));
        }
        Ok(())
    }
    fn before_tanh(&self, _: &[f64], _: &mut [f64]) -> Result<()> {
        unreachable!("nothing perturbs it")
    }

    fn share(&self) -> Result<Box<dyn Policy>> {
        Ok(Box::new(self.clone()))
    }
}

#[test]
fn returns_are_those_worked_out_by_hand() {
    // The first action pays 1, the policy pays -1, γ = ½.
    let policy = Rule(1, |_: &[f64]| vec![-1.0]);
    let start = Snapshot(vec![0.0]);
    let after_two = Snapshot(vec![2.0]);
    let earn = |hold, job: Job| {
        let setting = Setting { policy: &policy, hold, threads: 1 };
        let outcome = run_in(&|| Ladder::make(4), &[job], (0.5, setting)).remove(0);
        (outcome.discounted_return, outcome.steps, outcome.end, outcome.last_obs[0])
    };
    let first = Some(&[1.0][..]);
    let job = |start, first_action, max_steps| Job {
        start,
        first_action,
        max_steps,
        noise: None,
        draws: None,
    };
    // 1 - ½ - ¼ - ⅛, then the top of the ladder.
    assert_eq!(earn(1, job(&start, first, 9)), (0.125, 4, End::Terminated, 4.0));
    // 1 + ½ + ¼ - ⅛
    assert_eq!(earn(3, job(&start, first, 9)), (1.625, 4, End::Terminated, 4.0));
    // The end of the ladder counts as such even where the steps are used up with it.
    assert_eq!(earn(3, job(&start, first, 4)), (1.625, 4, End::Terminated, 4.0));
    assert_eq!(earn(1, job(&start, first, 2)), (0.5, 2, End::Cut, 2.0));
    // Cut while the first action is still held.
    assert_eq!(earn(3, job(&start, first, 2)), (1.5, 2, End::Cut, 2.0));
    // Without a first action nothing is held.
    assert_eq!(earn(3, job(&after_two, None, 9)), (-1.5, 2, End::Terminated, 4.0));
}

#[test]
fn an_unstable_simulation_is_nan_and_disturbs_nobody() {
    let env = EnvId::Hopper;
    let policy = actor_of(env);
    let starts = starts(env, 3 * BLOCK);
    let setting = || Setting { policy: &policy, hold: 1, threads: 1 };
    let quiet = run(env, &jobs(&starts), setting());

    // One worker makes all three blocks with the same simulators; two of them break in the first.
    let no_number = vec![f64::NAN; env.spec().action_dim];
    let mut wild = starts[7].state.clone();
    let (obs, state) = (env.spec().obs_dim, wild.0.len());
    wild.0[4..state - obs].iter_mut().for_each(|x| *x *= 1e12);
    let mut broken = jobs(&starts);
    broken[3].first_action = Some(&no_number);
    broken[7].start = &wild;
    let outcomes = run(env, &broken, setting());
    for (i, (outcome, quiet)) in outcomes.iter().zip(&quiet).enumerate() {
        if i == 3 || i == 7 {
            // Where the action is no number, physics is not to blame.
            assert_eq!(outcome.end, if i == 3 { End::NoAction } else { End::Unstable }, "{i}");
            assert!(outcome.discounted_return.is_nan() && outcome.steps == 1, "{i}: {outcome:?}");
        } else {
            assert_eq!(bits(outcome), bits(quiet), "{i}");
        }
    }
}

fn quiet_system() -> LinearQuadratic {
    let system = LinearQuadratic::worked_example().unwrap();
    system.with_noise(vec![0.0; 3].into(), vec![0.0; 2].into())
}

#[test]
fn an_observation_that_is_not_finite_stays_in_its_row() {
    // A state of 1e300 is infinite as an f32, and the actor makes NaN of it.
    let system = Arc::new(quiet_system());
    let make = || LinearEnv::new(Arc::clone(&system), ProcessNoise::Off);
    let policy = actor(3, 2);
    let start = make().snapshot_at(&[1.0, -0.5, 0.25]);
    let mut mix =
        vec![
            Job { start: &start, first_action: None, max_steps: 40, noise: None, draws: None };
            BLOCK
        ];
    let with = |jobs: &[Job]| {
        let setting = Setting { policy: &policy, hold: 1, threads: 1 };
        run_in(&|| Ok(Box::new(make())), jobs, (GAMMA, setting))
    };
    let quiet = with(&mix);
    let huge = make().snapshot_at(&[1e300, 0.0, 0.0]);
    mix[5].start = &huge;
    let outcomes = with(&mix);
    assert_eq!(outcomes[5].end, End::NoAction);
    for i in (0..BLOCK).filter(|&i| i != 5) {
        assert_eq!(bits(&outcomes[i]), bits(&quiet[i]), "{i}");
    }
}

#[test]
fn rollouts_of_a_linear_system_earn_the_closed_form() {
    let system = Arc::new(quiet_system());
    let make = || LinearEnv::new(Arc::clone(&system), ProcessNoise::Off);
    let shared = Arc::clone(&system);
    let policy = Rule(3, move |s: &[f64]| shared.act(s).to_vec());
    let mut stream = Stream::new(2, "starts");
    let mut draw = |n: usize| (0..n).map(|_| stream.normal()).collect::<Vec<f64>>();
    let points: Vec<_> = (0..50u32).map(|i| (draw(3), draw(2), 1 + i * 7 % 60)).collect();
    let starts: Vec<Snapshot> = points.iter().map(|(s, ..)| make().snapshot_at(s)).collect();
    let (gamma, mut jobs, mut expected) = (system.coefficients().gamma, Vec::new(), Vec::new());
    for ((s, a, horizon), start) in points.iter().zip(&starts) {
        jobs.push(Job {
            start,
            first_action: Some(a),
            max_steps: *horizon,
            noise: None,
            draws: None,
        });
        expected.push(system.q_within(s, a, *horizon));
        jobs.push(Job { start, first_action: None, max_steps: *horizon, noise: None, draws: None });
        expected.push(system.value_within(s, *horizon));
    }
    let setting = Setting { policy: &policy, hold: 1, threads: 2 };
    for (outcome, expected) in
        run_in(&|| Ok(Box::new(make())), &jobs, (gamma, setting)).iter().zip(expected)
    {
        assert!((outcome.discounted_return - expected).abs() < 1e-9, "{outcome:?} {expected}");
        assert_eq!(outcome.end, End::Cut);
    }
}
