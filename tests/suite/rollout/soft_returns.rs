//! Are the returns of a stochastic policy those of its critics: with the entropy of every action but
//! the first, drawn from the streams that were handed in?

use std::f64::consts::{E, PI};

use hyperl::Result;
use hyperl::env::{EnvId, Snapshot};
use hyperl::nn::critic::Dims;
use hyperl::nn::init::Init;
use hyperl::nn::squashed_gaussian::{Greedily, SquashedGaussian};
use hyperl::nn::weights::{Draw, Reuse, Source, Training};
use hyperl::nn::workers;
use hyperl::rng::Stream;
use hyperl::rollout::{BLOCK, Greedy, Job, Outcome, Policy, Rollouts, Soft};
use tch::{Device, Kind, Tensor};

use crate::support::seeds::drawn;

const GAMMA: f64 = 0.97;
const ENV: EnvId = EnvId::Hopper;

fn dims() -> Dims {
    Dims { obs: ENV.spec().obs_dim as i64, action: ENV.spec().action_dim as i64 }
}

fn actor() -> SquashedGaussian {
    let stream = drawn(5, "init");
    let source = &mut Draw { stream: &stream, kind: Kind::Float, device: Device::Cpu };
    SquashedGaussian::new(dims(), Training::Frozen, source).unwrap()
}

fn again(actor: &SquashedGaussian) -> SquashedGaussian {
    actor.again(Reuse::Share, Training::Frozen).unwrap()
}

fn starts(count: usize) -> Vec<Snapshot> {
    let mut env = ENV.make().unwrap();
    let start = |i: usize| {
        env.reset(&mut drawn(i as u64, "start")).unwrap();
        env.snapshot().unwrap()
    };
    (0..count).map(start).collect()
}

fn run(policy: &dyn Policy, jobs: &[Job], threads: usize) -> Vec<Outcome> {
    let rollouts = Rollouts {
        make_env: &|| ENV.make(),
        policy,
        gamma: GAMMA,
        hold: 1,
        marks: &[],
        workers: &workers::start(threads).unwrap(),
        progress: &|_| (),
    };
    rollouts.run(jobs).unwrap()
}

/// One rollout by itself, written as the definition: Σ γᵏ rₖ − α Σ_{k ≥ 1} γᵏ log π(aₖ|sₖ).
fn alone(actor: &SquashedGaussian, temperature: f64, job: &Job) -> (f64, u32) {
    let mut env = ENV.make().unwrap();
    env.restore(job.start).unwrap();
    let mut draws = job.draws.unwrap().clone();
    let (mut sum, mut discount, mut steps) = (0.0, 1.0, 0);
    while steps < job.max_steps {
        let noise: Vec<f32> = (0..dims().action).map(|_| draws.normal() as f32).collect();
        // The other rows do not matter to the first.
        let pad = |row: Vec<f32>| {
            let row = Tensor::from_slice(&row).unsqueeze(0);
            Tensor::cat(&[row.shallow_clone(), row.ones_like().repeat([BLOCK as i64 - 1, 1])], 0)
        };
        let obs = pad(env.obs().iter().map(|&x| x as f32).collect());
        let drawn = actor.sample(&obs, &pad(noise));
        let chosen = Vec::<f64>::try_from(drawn.action.get(0).to_kind(Kind::Double)).unwrap();
        let tried = job.first_action.filter(|_| steps == 0);
        let entropy = match tried {
            Some(_) => 0.0,
            None => drawn.log_prob.double_value(&[0]) * -temperature,
        };
        let step = env.step(tried.unwrap_or(&chosen)).unwrap();
        sum += discount * (step.reward + entropy);
        discount *= GAMMA;
        steps += 1;
        if step.terminated {
            break;
        }
    }
    (sum, steps)
}

#[test]
fn soft_returns_equal_those_of_a_slow_twin_bit_for_bit() {
    let (actor, starts) = (actor(), starts(40));
    let streams: Vec<Stream> = (0..40).map(|i| drawn(i, "draws")).collect();
    let first = [0.3, -0.7, 0.2];
    let job = |i: usize| Job {
        start: &starts[i],
        first_action: (!i.is_multiple_of(3)).then_some(&first[..]),
        max_steps: 1 + 3 * i as u32,
        noise: None,
        draws: Some(&streams[i]),
    };
    let jobs: Vec<Job> = (0..40).map(job).collect();
    let policy = Soft::new(again(&actor), 0.2);
    let found = run(&policy, &jobs, 2);
    assert_eq!(found, run(&policy, &jobs, 1));
    for (outcome, job) in found.iter().zip(&jobs) {
        let (expected, steps) = tch::no_grad(|| alone(&actor, 0.2, job));
        assert_eq!(outcome.steps, steps);
        assert_eq!(outcome.discounted_return.to_bits(), expected.to_bits());
    }
    assert!(found.iter().map(|o| o.steps).max() > Some(20));
}

#[test]
fn draws_are_those_of_the_stream_and_nothing_else() {
    let (actor, starts) = (actor(), starts(1));
    let [mine, other] = ["mine", "other"].map(|name| drawn(0, name));
    let tried = [[0.1, 0.1, 0.1], [0.1, 0.1, 0.1], [0.1, 0.1, 0.1], [0.1, 0.1, 0.11]];
    let job = |i: usize, draws| Job {
        start: &starts[0],
        first_action: Some(&tried[i]),
        max_steps: 15,
        noise: None,
        draws: Some(draws),
    };
    let jobs = [job(0, &mine), job(1, &mine), job(2, &other), job(3, &mine)];
    let returns: Vec<f64> = run(&Soft::new(again(&actor), 0.2), &jobs, 1)
        .into_iter()
        .map(|outcome| outcome.discounted_return)
        .collect();
    assert_eq!(returns[0].to_bits(), returns[1].to_bits(), "same action, same draws");
    assert!((returns[0] - returns[2]).abs() > 1e-3, "other draws: {returns:?}");
    // Common draws: what an action changes is seen under the same noise.
    assert!((returns[0] - returns[3]).abs() < (returns[0] - returns[2]).abs(), "{returns:?}");
}

#[test]
#[should_panic(expected = "a stochastic policy has a stream to draw from")]
fn a_stochastic_policy_without_a_stream_is_refused() {
    let (actor, starts) = (actor(), starts(1));
    let job = Job { start: &starts[0], first_action: None, max_steps: 1, noise: None, draws: None };
    run(&Soft::new(actor, 0.2), &[job], 1);
}

#[test]
fn without_temperature_and_noise_nothing_is_added() {
    let (actor, starts) = (actor(), starts(8));
    let draws = drawn(0, "draws");
    let job = |start, draws| Job { start, first_action: None, max_steps: 30, noise: None, draws };
    let stochastic: Vec<Job> = starts.iter().map(|s| job(s, Some(&draws))).collect();
    let greedy: Vec<Job> = starts.iter().map(|s| job(s, None)).collect();
    let soft = run(&Soft::new(again(&actor), 0.2), &stochastic, 1);
    let hard = run(&Soft::new(again(&actor), 0.0), &stochastic, 1);
    // The same actions; only their worth differs.
    assert!(soft.iter().zip(&hard).all(|(s, h)| s.steps == h.steps && s.last_obs == h.last_obs));
    assert!(soft.iter().zip(&hard).all(|(s, h)| s.discounted_return > h.discounted_return));
    let mode = run(&Greedy::new(again(&actor), Greedily::Tanh), &greedy, 1);
    assert!(mode != hard, "the mode does not draw");
    let raw = Greedy::new(again(&actor), Greedily::RawMean);
    let mut obs = vec![3.0; BLOCK * ENV.spec().obs_dim];
    obs[0] = -1.0;
    let [mut squashed, mut mean] = [0.0; 2].map(|x| vec![x; BLOCK * ENV.spec().action_dim]);
    Greedy::new(again(&actor), Greedily::Tanh).act(&obs, &mut squashed).unwrap();
    raw.act(&obs, &mut mean).unwrap();
    assert!(squashed.iter().zip(&mean).all(|(s, m)| (s - m.tanh()).abs() < 1e-6), "{mean:?}");
    assert!(mean.iter().any(|m| m.abs() > 0.1));
}

/// A policy with mean 0 and log σ = `log_std` everywhere.
struct Flat {
    log_std: f64,
}

impl Source for Flat {
    fn tensor(&mut self, name: &str, shape: &[i64], _init: &Init) -> Result<Tensor> {
        let value = if name == "log_std.bias" { self.log_std } else { 0.0 };
        Ok(Tensor::full(shape, value, (Kind::Float, Device::Cpu)))
    }
}

#[test]
fn entropy_adds_up_to_its_closed_form() {
    // ξ ~ N(0, σ²): E[−log π(tanh ξ)] = ½ ln(2πe σ²) + E[ln(1 − tanh² ξ)] for each coordinate, the
    // latter by Simpson's rule.
    let sigma: f64 = 0.5;
    let (n, width) = (2000, 12.0 * sigma);
    let integrand = |x: f64| {
        let density = (-0.5 * (x / sigma).powi(2)).exp() / (sigma * (2.0 * PI).sqrt());
        density * (1.0 - x.tanh().powi(2)).ln()
    };
    let h = 2.0 * width / f64::from(n);
    let simpson: f64 = (0..=n)
        .map(|i| {
            let weight = if i == 0 || i == n { 1.0 } else { 2.0 + 2.0 * f64::from(i % 2) };
            weight * integrand(-width + h * f64::from(i))
        })
        .sum::<f64>()
        * h
        / 3.0;
    let entropy = 3.0 * (0.5 * (2.0 * PI * E * sigma * sigma).ln() + simpson);

    let source = &mut Flat { log_std: sigma.ln() };
    let actor = SquashedGaussian::new(dims(), Training::Frozen, source).unwrap();
    let starts = starts(1);
    let streams: Vec<Stream> = (0..3000).map(|i| drawn(i, "entropy")).collect();
    let job = |draws| Job {
        start: &starts[0],
        first_action: Some(&[0.0; 3]),
        max_steps: 4,
        noise: None,
        draws: Some(draws),
    };
    let jobs: Vec<Job> = streams.iter().map(job).collect();
    let [soft, hard] = [0.2, 0.0].map(|alpha| run(&Soft::new(again(&actor), alpha), &jobs, 2));
    let added: Vec<f64> = soft
        .iter()
        .zip(&hard)
        .map(|(soft, hard)| soft.discounted_return - hard.discounted_return)
        .collect();
    let mean = added.iter().sum::<f64>() / 3000.0;
    let spread = (added.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3000.0).sqrt();
    // Three of the four actions are the policy's.
    let expected = 0.2 * entropy * (GAMMA + GAMMA.powi(2) + GAMMA.powi(3));
    let error = (mean - expected).abs();
    assert!(error < 4.0 * spread / 3000f64.sqrt(), "{mean} for {expected}, spread {spread}");
    assert!(spread / 3000f64.sqrt() < 0.02 * expected.abs(), "the bound says something");
}
