//! Does an outcome depend on its place, its company or the workers?

use hyperl::Error;
use hyperl::env::{EnvId, Snapshot};
use hyperl::nn::actor::Actor;
use hyperl::nn::critic::Dims;
use hyperl::nn::weights::{Draw, Training};
use hyperl::nn::workers;
use hyperl::rng::Stream;
use hyperl::rollout::{Job, Rollouts};
use tch::Kind;

/// A policy with the weights of its initialisation.
fn actor(env: EnvId) -> Actor {
    let stream = Stream::new(0, "test");
    let spec = env.spec();
    let dims = Dims { obs: spec.obs_dim as i64, action: spec.action_dim as i64 };
    let source = &mut Draw { stream: &stream, kind: Kind::Float, device: tch::Device::Cpu };
    Actor::new(dims, Training::Frozen, source).unwrap()
}

#[test]
fn an_outcome_depends_neither_on_its_place_nor_on_its_company_nor_on_the_workers() {
    let stream = Stream::new(0, "test");
    let env = EnvId::HalfCheetah;
    let actor = actor(env);
    let mut simulator = env.make().unwrap();
    let starts: Vec<Snapshot> = (0..40)
        .map(|i| {
            simulator.reset(&mut stream.child(&i.to_string())).unwrap();
            simulator.snapshot().unwrap()
        })
        .collect();
    let run = |starts: &[Snapshot], threads| {
        let jobs: Vec<Job> = starts
            .iter()
            .map(|start| Job { start, first_action: None, max_steps: 30, noise: None, draws: None })
            .collect();
        let rollouts = Rollouts {
            make_env: &|| env.make(),
            policy: &actor,
            gamma: 0.99,
            hold: 1,
            marks: &[],
            workers: &workers::start(threads).unwrap(),
            progress: &|_| (),
        };
        rollouts.run(&jobs).unwrap()
    };
    let all = run(&starts, 1);
    assert_eq!(run(&starts, 3), all);
    for (first, last) in [(0, 1), (3, 40), (7, 20), (39, 40)] {
        assert_eq!(run(&starts[first..last], 2), all[first..last], "{first}..{last}");
    }
}

#[test]
fn a_snapshot_of_another_environment_is_refused() {
    let policy = actor(EnvId::Hopper);
    let workers = workers::start(1).unwrap();
    let start = EnvId::Ant.make().unwrap().snapshot().unwrap();
    let rollouts = Rollouts {
        make_env: &|| EnvId::Hopper.make(),
        policy: &policy,
        gamma: 0.99,
        hold: 1,
        marks: &[],
        workers: &workers,
        progress: &|_| (),
    };
    let job = Job { start: &start, first_action: None, max_steps: 1, noise: None, draws: None };
    assert!(matches!(rollouts.run(&[job]), Err(Error::Mismatch { .. })));
    assert_eq!(rollouts.run(&[]).unwrap(), [], "no jobs, no outcomes");
}
