//! Is the gradient of PEARL's critics, in a task and with one z, judged by that task's own soft returns?

use hyperl::Result;
use hyperl::algo::pearl::agent::PearlAgent;
use hyperl::algo::pearl::buffers::whole_context;
use hyperl::algo::pearl::config::PearlConfig;
use hyperl::algo::pearl::evaluate::Protocol;
use hyperl::algo::pearl::trajectory::{Acting, Player, Start};
use hyperl::env::{Family, Snapshot, Task, Visited};
use hyperl::gradient::critic_gradient::{CriticInTask, Smaller};
use hyperl::gradient::{ActionValue, Agent, Settings, measure};
use hyperl::nn::context::{LATENT, Posterior};
use hyperl::nn::init::Init;
use hyperl::nn::pearl::policy::TaskPolicy;
use hyperl::nn::pearl::value::TaskCritic;
use hyperl::nn::pearl::{Design, LatentIn, PearlModel};
use hyperl::nn::weights::{Draw, Params, Source, Training};
use hyperl::nn::workers;
use hyperl::rng::Stream;
use hyperl::rollout::{BLOCK, Job, Rollouts, SoftInTask};
use ndarray::{Array2, Axis};
use tch::{Device, Kind, Tensor};

const GAMMA: f64 = 0.97;
const FAMILY: Family = Family::HalfCheetahVel;
const TASK: Task = Task(1.5);

fn design(model: PearlModel, latent_in: LatentIn) -> Design {
    Design { latent_in, ..PearlConfig { model, env: FAMILY, ..PearlConfig::default() }.design() }
}

fn draw(stream: &Stream) -> Draw<'_> {
    Draw { stream, kind: Kind::Float, device: Device::Cpu }
}

fn policy(model: PearlModel) -> TaskPolicy {
    let stream = Stream::new(5, "policy");
    TaskPolicy::new(design(model, LatentIn::Base), Training::Frozen, &mut draw(&stream)).unwrap()
}

fn latent() -> Tensor {
    Tensor::from_slice(&[0.7f32, -1.2, 0.1, 1.9, -0.4]).unsqueeze(0)
}

/// A state of an episode that has lasted so many steps.
fn state(task: Task, seed: u64, elapsed: u32) -> Snapshot {
    let mut env = FAMILY.make(task).unwrap();
    let mut stream = Stream::new(seed, "start");
    env.reset(&mut stream).unwrap();
    for _ in 0..elapsed {
        let action: Vec<f64> = (0..6).map(|_| stream.uniform(-0.9, 0.9)).collect();
        env.step(&action).unwrap();
    }
    env.snapshot().unwrap()
}

/// One rollout by itself, as defined: Σ γᵏ rₖ − α Σ γᵏ log π(aₖ|sₖ, z), without the entropy of the action
/// that is tried. The weights of the policy are made anew at each step.
fn alone(policy: &TaskPolicy, temperature: f64, job: &Job) -> (f64, u32) {
    let mut env = FAMILY.make(TASK).unwrap();
    env.restore(job.start).unwrap();
    let mut draws = job.draws.unwrap().clone();
    let (mut sum, mut discount) = (0.0, 1.0);
    for step in 0..job.max_steps {
        let noise: Vec<f32> = (0..6).map(|_| draws.normal() as f32).collect();
        // The other rows do not matter to the first.
        let pad = |row: Vec<f32>| {
            let row = Tensor::from_slice(&row).unsqueeze(0);
            Tensor::cat(&[row.shallow_clone(), row.ones_like().repeat([BLOCK as i64 - 1, 1])], 0)
                .unsqueeze(0)
        };
        let obs = pad(env.obs().iter().map(|&x| x as f32).collect());
        let drawn = policy.gaussian(&obs, &latent()).draw(&pad(noise));
        let chosen = drawn.action.get(0).get(0).to_kind(Kind::Double);
        let chosen = Vec::<f64>::try_from(chosen).unwrap();
        let tried = job.first_action.filter(|_| step == 0);
        let log_prob = drawn.log_prob.double_value(&[0, 0]);
        let entropy = if tried.is_some() { 0.0 } else { log_prob * -temperature };
        let made = env.step(tried.unwrap_or(&chosen)).unwrap();
        sum += discount * (made.reward + entropy);
        discount *= GAMMA;
        if made.terminated {
            return (sum, step + 1);
        }
    }
    (sum, job.max_steps)
}

fn soft_returns_are_those_of_a_slow_twin(model: PearlModel, count: usize) {
    let policy = policy(model);
    // The last ones run past the time limit of 200 steps, which is no end.
    let starts: Vec<Snapshot> =
        (0..count).map(|i| state(TASK, i as u64, if i + 3 > count { 197 } else { 2 })).collect();
    let streams: Vec<Stream> = (0..count).map(|i| Stream::new(i as u64, "draws")).collect();
    let first = [0.3, -0.7, 0.2, 0.9, -0.1, 0.0];
    let job = |i: usize| Job {
        start: &starts[i],
        first_action: (!i.is_multiple_of(3)).then_some(&first[..]),
        max_steps: 6 + i as u32 % 7,
        noise: None,
        draws: Some(&streams[i]),
    };
    let jobs: Vec<Job> = (0..count).map(job).collect();
    let run = |threads: usize| {
        let rollouts = Rollouts {
            make_env: &|| FAMILY.make(TASK),
            policy: &SoftInTask::new(policy.in_tasks(&latent()), 0.2),
            gamma: GAMMA,
            hold: 1,
            marks: &[],
            workers: &workers::start(threads).unwrap(),
            progress: &|_| (),
        };
        rollouts.run(&jobs).unwrap()
    };
    let found = run(2);
    assert_eq!(found, run(1));
    for (outcome, job) in found.iter().zip(&jobs) {
        let (expected, steps) = tch::no_grad(|| alone(&policy, 0.2, job));
        assert_eq!((outcome.steps, job.max_steps), (steps, steps), "the cheetah never falls");
        assert_eq!(outcome.discounted_return.to_bits(), expected.to_bits(), "{model}");
    }
}

#[test]
fn soft_returns_of_a_plain_policy_are_those_of_a_slow_twin_bit_for_bit() {
    soft_returns_are_those_of_a_slow_twin(PearlModel::Mlp, 40);
}

#[test]
fn soft_returns_of_a_hypernetwork_are_those_of_a_slow_twin_bit_for_bit() {
    soft_returns_are_those_of_a_slow_twin(PearlModel::Hyper, 7);
}

/// Another network's weights in double precision.
struct Doubled<'p>(&'p Params);

impl Source for Doubled<'_> {
    fn tensor(&mut self, name: &str, _: &[i64], _: &Init) -> Result<Tensor> {
        Ok(self.0.find(name)?.to_kind(Kind::Double))
    }
}

/// ∂min(Q₁, Q₂)/∂a of each row by central differences in double precision, and which Q is smaller.
fn differences(critics: &[TaskCritic; 2], obs: &Tensor, action: &Tensor) -> (Vec<f64>, Vec<bool>) {
    let z = latent().to_kind(Kind::Double);
    let both = |action: &Tensor| {
        critics.each_ref().map(|critic| {
            let q = critic.q(&obs.unsqueeze(0), &action.unsqueeze(0), &z);
            Vec::<f64>::try_from(q.flatten(0, 1)).unwrap()
        })
    };
    let least = |action: &Tensor| {
        let [a, b] = both(action);
        a.into_iter().zip(b).map(|(a, b)| a.min(b)).collect::<Vec<f64>>()
    };
    let (rows, dims) = (action.size()[0] as usize, action.size()[1]);
    let mut gradient = vec![0.0; rows * dims as usize];
    let h = 1e-6;
    for dim in 0..dims {
        let step = action.zeros_like();
        let _ = step.narrow(1, dim, 1).fill_(h);
        let (up, down) = (least(&(action + &step)), least(&(action - &step)));
        for (row, (up, down)) in up.iter().zip(&down).enumerate() {
            gradient[row * dims as usize + dim as usize] = (up - down) / (2.0 * h);
        }
    }
    let [a, b] = both(action);
    (gradient, a.iter().zip(&b).map(|(a, b)| b < a).collect())
}

fn gradient_is_that_of_central_differences(design: Design, rows: usize) {
    let streams = [Stream::new(1, "q1"), Stream::new(2, "q2")];
    let critic =
        |source: &mut dyn Source| TaskCritic::new(design, Training::Frozen, source).unwrap();
    let critics = streams.each_ref().map(|stream| critic(&mut draw(stream)));
    let doubled = critics.each_ref().map(|single| critic(&mut Doubled(single.params())));
    let mut stream = Stream::new(3, "rows");
    let mut single = |columns: usize, bound: f64| {
        Array2::from_shape_simple_fn((rows, columns), || {
            f64::from(stream.uniform(-bound, bound) as f32)
        })
    };
    let (obs, action) = (single(20, 2.0), single(6, 0.9));
    let tensor = |rows: &Array2<f64>| {
        Tensor::from_slice(rows.as_slice().unwrap()).view([rows.nrows() as i64, -1])
    };
    let (expected, second) = differences(&doubled, &tensor(&obs), &tensor(&action));
    let in_task = Smaller(critics.map(|critic| CriticInTask::new(critic, &latent())));
    let found = in_task.action_gradient(&obs, &action).unwrap();
    let size = expected.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-3 * size, "{design:?}: {found} for {expected}");
    }
    // New plain critics differ by the bias of their last layer, so that one of them is smaller everywhere.
    let both = second.contains(&true) && second.contains(&false);
    assert!(both || design.model == PearlModel::Mlp, "each hypernetwork is the smaller one once");
    // A row's gradient does not depend on how many others there are.
    let last = rows - 1;
    let [obs, action] = [obs, action].map(|all| all.select(Axis(0), &[last]));
    assert_eq!(in_task.action_gradient(&obs, &action).unwrap().row(0), found.row(last));
}

#[test]
fn the_plain_critics_gradient_is_that_of_central_differences() {
    gradient_is_that_of_central_differences(design(PearlModel::Mlp, LatentIn::Base), 70);
}

#[test]
fn the_hypernetworks_gradient_is_that_of_central_differences_wherever_z_enters() {
    for latent_in in [LatentIn::Base, LatentIn::Meta] {
        gradient_is_that_of_central_differences(design(PearlModel::Hyper, latent_in), 8);
    }
}

/// The scaled reward of an action in a task: what Q is where a rollout has one step.
struct Reward {
    task: Task,
    scale: f64,
    /// What is seen in a state, and the state.
    states: Vec<(Vec<f64>, Snapshot)>,
}

impl Reward {
    fn of(&self, obs: &[f64], action: &[f64]) -> Result<f64> {
        let (_, start) = self.states.iter().find(|(seen, _)| seen == obs).unwrap();
        let mut env = FAMILY.make(self.task)?;
        env.restore(start)?;
        Ok(self.scale * env.step(action)?.reward)
    }
}

impl ActionValue for Reward {
    fn value(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Vec<f64>> {
        let rows = obs.rows().into_iter().zip(actions.rows());
        rows.map(|(obs, action)| self.of(&obs.to_vec(), &action.to_vec())).collect()
    }

    fn action_gradient(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Array2<f64>> {
        let mut gradient = actions.clone();
        for dim in 0..actions.ncols() {
            let moved = |h: f64| {
                let mut moved = actions.clone();
                moved.column_mut(dim).mapv_inplace(|a| a + h);
                self.value(obs, &moved)
            };
            let (up, down) = (moved(1e-4)?, moved(-1e-4)?);
            for (row, (up, down)) in up.into_iter().zip(down).enumerate() {
                gradient[[row, dim]] = (up - down) / 2e-4;
            }
        }
        Ok(gradient)
    }
}

/// Cosines of the reward's gradient in one task with what rollouts of one step in another find, and the
/// ratios of the norms.
fn one_step(judged: Task, world: Task) -> (Vec<f64>, Vec<f64>) {
    let scale = 5.0;
    let starts: Vec<Snapshot> = (0..12).map(|i| state(world, i, 10)).collect();
    let seen = |start: &Snapshot| {
        let mut env = FAMILY.make(world).unwrap();
        env.restore(start).unwrap();
        (env.obs().to_vec(), start.clone())
    };
    let critic = Reward { task: judged, scale, states: starts.iter().map(seen).collect() };
    let agent = Agent {
        make_env: &|| FAMILY.make(world),
        policy: &SoftInTask::new(policy(PearlModel::Mlp).in_tasks(&latent()), 1.0 / scale),
        critic: &critic,
        bootstrap: None,
        gamma: GAMMA,
        reward_scale: scale,
        streams: "one step",
    };
    let settings =
        Settings { states: 12, rollouts: 30, std: 0.005, horizon: Some(1), ..Settings::default() };
    let workers = workers::start(1).unwrap();
    let from: Vec<Visited> = starts.into_iter().map(Visited::from).collect();
    let found = measure(&agent, &from, &settings, &workers, &|_| ()).unwrap();
    found.iter().map(|state| (state.cosine, state.norm_ratio)).unzip()
}

#[test]
fn a_critic_that_is_right_in_its_task_scores_one_there_and_not_in_another() {
    let (slow, fast) = (Task(-9.0), Task(9.0));
    let (cosines, ratios) = one_step(fast, fast);
    assert!(cosines.iter().all(|c| *c > 0.999), "{cosines:?}");
    // Returns are in the critic's unit.
    assert!(ratios.iter().all(|ratio| (ratio - 1.0).abs() < 0.05), "{ratios:?}");
    // Faster is better in one task and worse in the other.
    let (cosines, _) = one_step(slow, fast);
    assert!(cosines.iter().all(|c| *c < -0.5), "{cosines:?}");
}

#[test]
fn z_is_what_an_evaluation_draws_after_its_exploration() {
    let config = PearlConfig { model: PearlModel::Mlp, ..PearlConfig::default() };
    let workers = workers::start(2).unwrap();
    let agent = PearlAgent::new(&config, workers.clone()).unwrap();
    let player = Player { agent: &agent, family: FAMILY, horizon: 15, workers: &workers };
    let task = (TASK, Stream::new(4, "explore"));
    let found = player.explore(&task, 2).unwrap();
    assert_eq!((found.z.len() as i64, found.context), (LATENT, 30));
    // The slow way: two greedy trajectories with z from the prior, then a draw from the posterior.
    let course = task.1.child("course-0");
    let begin =
        |belief: &Posterior, number: &str| Start::new(TASK, belief, course.child(number)).unwrap();
    let run = |start: Start| player.run(&[start], Acting::Greedy).unwrap().remove(0);
    let prior = Posterior::prior(1, Kind::Float);
    let explored = ["0", "1"].map(|number| run(begin(&prior, number)));
    let posterior = agent.infer(&whole_context(&explored, player.dims()));
    let start = begin(&posterior, "2");
    assert_eq!(found.z, start.z);
    assert_ne!(found.z, begin(&prior, "2").z);
    // The evaluation goes on with it.
    let how = Protocol { courses: 1, steps: 45, exploration: 2 };
    let other = (Task(0.3), Stream::new(5, "explore"));
    let evaluated = player.evaluate(&[task], how).unwrap();
    assert_eq!(evaluated[0].courses[0][2].total, run(start).total());
    assert_ne!(player.explore(&other, 2).unwrap().z, found.z);
}
