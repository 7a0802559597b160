//! PEARL's data: are buffers, collection and evaluation what slow twins say, and do posteriors tell tasks
//! apart that differ in their rewards alone?

use std::collections::{BTreeSet, VecDeque};

use hyperl::algo::RunConfig;
use hyperl::algo::pearl::agent::{PearlAgent, PearlBatch};
use hyperl::algo::pearl::buffers::{Buffers, To};
use hyperl::algo::pearl::collect::{Plan, Visit, steps};
use hyperl::algo::pearl::config::PearlConfig;
use hyperl::algo::pearl::evaluate::{Protocol, mean_score};
use hyperl::algo::pearl::trajectory::{Ending, Player, Trajectory};
use hyperl::algo::replay::Batch;
use hyperl::env::{Family, Task};
use hyperl::nn::critic::Dims;
use hyperl::nn::pearl::PearlModel;
use hyperl::nn::workers;
use hyperl::rng::Stream;
use tch::Tensor;

const SMALL: Dims = Dims { obs: 2, action: 1 };

/// Length `Z` of the latent.
const LATENT: i64 = 5;

/// A trajectory whose transitions are numbered from `first`, in their observations and rewards.
fn numbered(first: usize, steps: usize, terminated: bool) -> Trajectory {
    let mut trajectory = Trajectory::new(SMALL, &[first as f64, 0.0]);
    for step in 1..=steps {
        let number = (first + step) as f64;
        trajectory.push(&[0.5], -number, &[number, 0.0], terminated && step == steps);
    }
    trajectory
}

/// The numbers of transitions, from rows of a buffer; checks that each row is a whole transition.
fn numbers_of(rows: &[f32]) -> Vec<u64> {
    let number = |row: &[f32]| {
        assert_eq!(row[3], row[0] + 1.0, "the next observation follows");
        assert_eq!((row[2], row[5]), (0.5, -row[3]));
        row[0] as u64
    };
    rows.chunks_exact(7).map(number).collect()
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    Vec::<f32>::try_from(tensor.contiguous().flatten(0, -1)).unwrap()
}

#[test]
fn buffers_are_two_rings_of_which_one_is_cleared() {
    const CAPACITY: usize = 60;
    for ending in [Ending::Kept, Ending::Lost] {
        let mut draw = Stream::new(1, "lengths");
        let mut buffers = Buffers::new(SMALL, 3, CAPACITY, ending);
        let mut twins = vec![(VecDeque::new(), Vec::new()); 3];
        let (mut next, mut gone) = (0, 0);
        for _ in 0..40 {
            let task = draw.index(3);
            buffers.clear_context(task);
            twins[task].1.clear();
            for to in [To::Both, To::Both, To::Replay, To::Replay] {
                let (length, terminated) = (1 + draw.index(15), draw.index(2) == 0);
                buffers.add(task, &[numbered(next, length, terminated)], to);
                let lost = terminated && ending == Ending::Lost;
                for number in next..next + length - usize::from(lost) {
                    twins[task].0.push_back(number as u64);
                    if to == To::Both {
                        twins[task].1.push(number as u64);
                    }
                }
                gone += usize::from(lost);
                next += length;
                while twins[task].0.len() > CAPACITY {
                    twins[task].0.pop_front();
                }
            }
            for (memory, (replay, encoder)) in buffers.tasks().iter().zip(&twins) {
                assert_eq!(numbers_of(&memory.replay.rows(0..u64::MAX)), Vec::from(replay.clone()));
                assert_eq!(numbers_of(&memory.replay.rows(memory.context.clone())), *encoder);
            }
        }
        assert_eq!(buffers.added() as usize, next - gone);
        assert!(next > 500 && (gone > 50) == (ending == Ending::Lost), "{next} {gone}");
        every_transition_has_its_turn(&buffers, &twins);
    }
}

/// Draws from the buffers are of the tasks that were asked for, and are all there is.
fn every_transition_has_its_turn(buffers: &Buffers, twins: &[(VecDeque<u64>, Vec<u64>)]) {
    let batch = buffers.sample(&[2, 0], 2000, &mut Stream::new(2, "minibatch"));
    assert_eq!(batch.obs.size(), [2, 2000, 2]);
    assert_eq!(batch.alive.size(), [2, 2000]);
    let context = buffers.context(&[2, 0], 2000, &mut Stream::new(2, "context"));
    assert_eq!(context.size(), [2, 2000, 4]);
    let first = |of: &Tensor, task: i64| -> BTreeSet<u64> {
        flat(&of.select(0, task).select(1, 0)).into_iter().map(|x| x as u64).collect()
    };
    for (place, task) in [(0, 2), (1, 0)] {
        assert_eq!(first(&batch.obs, place), twins[task].0.iter().copied().collect());
        assert_eq!(first(&context, place), twins[task].1.iter().copied().collect());
    }
    let reward = flat(&context.select(2, 3));
    assert!(flat(&context.select(2, 0)).iter().zip(reward).all(|(x, r)| r == -(x + 1.0)));
}

#[test]
fn a_terminal_transition_is_marked_or_lost() {
    for (ending, expected) in [(Ending::Kept, 5), (Ending::Lost, 4)] {
        let trajectory = numbered(0, 5, true);
        let alive: Vec<bool> = trajectory.transitions(ending).map(|t| !t.terminated).collect();
        assert_eq!(alive.len(), expected);
        assert_eq!(alive.iter().filter(|alive| !**alive).count(), usize::from(expected == 5));
        // Nothing is lost where the time was over.
        assert_eq!(numbered(0, 5, false).transitions(ending).count(), 5);
    }
}

/// An agent whose policy minds its task: its output layers are larger than new ones.
fn minding(model: PearlModel) -> PearlAgent {
    let config = PearlConfig { model, seed: 4, ..PearlConfig::default() }.resolved().unwrap();
    let agent = PearlAgent::new(&config, workers::start(1).unwrap()).unwrap();
    let [.., policy] = agent.parts();
    for param in policy.online.iter().filter(|p| p.name.contains("mean")) {
        tch::no_grad(|| _ = param.tensor.shallow_clone().g_mul_scalar_(300.0));
    }
    agent
}

/// One trajectory, step by step.
struct Slow<'a> {
    agent: &'a PearlAgent,
    family: Family,
    horizon: usize,
}

/// What it brought: rows of observation, action and reward, and the return.
type Rows = (Vec<Vec<f32>>, f64);

impl Slow<'_> {
    fn run(&self, task: Task, z: &Tensor, stream: &Stream, greedy: bool) -> Rows {
        let mut env = self.family.make(task).unwrap();
        env.reset(&mut stream.child("reset")).unwrap();
        let mut act = stream.child("act");
        let (mut rows, mut total) = (Vec::new(), 0.0);
        for _ in 0..self.horizon {
            let obs: Vec<f32> = env.obs().iter().map(|&x| x as f32).collect();
            let width = self.family.spec().action_dim;
            let noise: Vec<f32> = (0..width).map(|_| act.normal() as f32).collect();
            let noise = Tensor::from_slice(&noise).unsqueeze(0);
            let input = Tensor::from_slice(&obs).unsqueeze(0);
            let action = flat(&self.agent.act(&input, z, (!greedy).then_some(&noise)));
            let wide: Vec<f64> = action.iter().map(|&x| f64::from(x)).collect();
            let step = env.step(&wide).unwrap();
            total += step.reward;
            rows.push([obs, action, vec![step.reward as f32]].concat());
            if step.terminated {
                break;
            }
        }
        (rows, total)
    }

    fn prior(stream: &Stream) -> Tensor {
        let mut draw = stream.child("z");
        let z: Vec<f32> = (0..LATENT).map(|_| draw.normal() as f32).collect();
        Tensor::from_slice(&z).unsqueeze(0)
    }

    fn posterior(&self, rows: &[Vec<f32>], stream: &Stream) -> Tensor {
        let context = Tensor::from_slice(&rows.concat()).view([1, rows.len() as i64, -1]);
        let belief = self.agent.infer(&context);
        &belief.mean + belief.variance.sqrt() * Self::prior(stream)
    }
}

/// A trajectory as the twin has it.
fn rows_of(trajectory: &Trajectory) -> Vec<Vec<f32>> {
    let row = |t: hyperl::algo::replay::Transition| {
        t.obs.iter().chain(t.action).chain([&t.reward]).map(|&x| x as f32).collect()
    };
    trajectory.transitions(Ending::Kept).map(row).collect()
}

/// Products of one row round otherwise than those of many: up to some 1e-4 after ten steps, by processor.
fn alike(found: &[Vec<f32>], expected: &[Vec<f32>]) -> bool {
    let near = |a: &Vec<f32>, b: &Vec<f32>| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-3 * (1.0 + b.abs()))
    };
    found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| near(a, b))
}

const HORIZON: usize = 10;

#[test]
fn collection_is_one_trajectory_after_the_other() {
    for (model, family) in
        [(PearlModel::Mlp, Family::HalfCheetahVel), (PearlModel::Hyper, Family::HalfCheetahFwdBack)]
    {
        let (agent, pool) = (minding(model), workers::start(2).unwrap());
        let player = Player { agent: &agent, family, horizon: HORIZON, workers: &pool };
        let stream = Stream::new(9, "visits");
        let visit = |(index, number): (usize, f64)| {
            let stream = stream.child(&index.to_string());
            Visit { index, task: Task(number), stream }
        };
        let visits: Vec<Visit> = [-1.0, 1.0, 1.0].into_iter().enumerate().map(visit).collect();
        let plan = Plan { prior_steps: 25, posterior_steps: 21, context: 8, ending: Ending::Kept };
        let slow = Slow { agent: &agent, family, horizon: HORIZON };
        for (visit, found) in visits.iter().zip(player.collect(&visits, plan).unwrap()) {
            assert_eq!((steps(&found.prior), steps(&found.posterior)), (30, 30));
            let mut seen = Vec::new();
            for (number, found) in found.prior.iter().enumerate() {
                let stream = visit.stream.child(&format!("prior-{number}"));
                let (rows, _) = slow.run(visit.task, &Slow::prior(&stream), &stream, false);
                assert!(alike(&rows_of(found), &rows), "{model}: prior {number}");
                seen.extend(rows);
            }
            for (number, found) in found.posterior.iter().enumerate() {
                let stream = visit.stream.child(&format!("posterior-{number}"));
                let mut draw = stream.child("context");
                let context: Vec<_> = (0..8).map(|_| seen[draw.index(30)].clone()).collect();
                let believed = slow.posterior(&context, &stream);
                let z = if number == 0 { Slow::prior(&stream) } else { believed };
                let (rows, _) = slow.run(visit.task, &z, &stream, false);
                assert!(alike(&rows_of(found), &rows), "{model}: posterior {number}");
            }
        }
    }
}

#[test]
fn evaluation_adapts_after_the_second_trajectory_to_all_there_is() {
    let family = Family::HalfCheetahVel;
    let (agent, pool) = (minding(PearlModel::Mlp), workers::start(2).unwrap());
    let player = Player { agent: &agent, family, horizon: HORIZON, workers: &pool };
    let stream = Stream::new(3, "evaluation");
    let tasks = [0.5, 2.5].map(|g| (Task(g), stream.child(&g.to_string())));
    let how = Protocol { courses: 2, steps: 31, exploration: 2 };
    let found = player.evaluate(&tasks, how).unwrap();
    let slow = Slow { agent: &agent, family, horizon: HORIZON };
    let (mut last, mut moved) = (0.0, 0.0f64);
    for ((task, stream), evaluated) in tasks.iter().zip(&found) {
        assert_eq!((evaluated.task, evaluated.courses.len()), (*task, 2));
        for (course, trials) in evaluated.courses.iter().enumerate() {
            let stream = stream.child(&format!("course-{course}"));
            let mut seen = Vec::new();
            assert_eq!(trials.iter().map(|t| t.context).collect::<Vec<_>>(), [0, 0, 20, 30]);
            for (number, trial) in trials.iter().enumerate() {
                let stream = stream.child(&number.to_string());
                let prior = Slow::prior(&stream);
                let z = if number < 2 { prior.copy() } else { slow.posterior(&seen, &stream) };
                let (rows, total) = slow.run(*task, &z, &stream, true);
                let (_, with_prior) = slow.run(*task, &prior, &stream, true);
                assert!((trial.total - total).abs() < 1e-3, "{} and {total}", trial.total);
                moved = moved.max((total - with_prior).abs());
                seen.extend(rows);
            }
            last += trials[3].total / 4.0;
        }
    }
    assert!(moved > 0.01, "another z makes another return: {moved}");
    assert!((mean_score(&found) - last).abs() < 1e-9);
}

/// Two tasks whose rewards are always 1 and always −1: nothing else tells them apart.
fn two_tasks(dims: Dims) -> Buffers {
    let mut draw = Stream::new(5, "synthetic");
    let mut buffers = Buffers::new(dims, 2, 600, Ending::Kept);
    for (task, reward) in [(0, 1.0), (1, -1.0)] {
        let mut uniform =
            |count: i64| -> Vec<f64> { (0..count).map(|_| draw.uniform(-1.0, 1.0)).collect() };
        for _ in 0..30 {
            let mut trajectory = Trajectory::new(dims, &uniform(dims.obs));
            for _ in 0..20 {
                let (action, next) = (uniform(dims.action), uniform(dims.obs));
                trajectory.push(&action, reward, &next, false);
            }
            buffers.add(task, &[trajectory], To::Both);
        }
    }
    buffers
}

/// How many standard deviations lie between the posteriors of two tasks, in their most different dimension.
fn distance(agent: &PearlAgent, buffers: &Buffers) -> f64 {
    let belief = agent.infer(&buffers.context(&[0, 1], 64, &mut Stream::new(6, "probe")));
    let (mean, std) = (flat(&belief.mean), flat(&belief.variance.sqrt()));
    let at = |i: usize| f64::from((mean[i] - mean[i + 5]).abs() / (std[i] + std[i + 5]));
    (0..5).map(at).fold(0.0, f64::max)
}

#[test]
fn posteriors_of_tasks_that_differ_in_their_reward_do_not_overlap() {
    let config = PearlConfig {
        model: PearlModel::Mlp,
        gamma: 0.0,
        encoder_lr: 3e-3,
        critic_lr: Some(3e-3),
        ..PearlConfig::default()
    };
    let mut agent = PearlAgent::new(&config, workers::start(2).unwrap()).unwrap();
    let buffers = two_tasks(config.dims());
    assert!(distance(&agent, &buffers) < 1.0, "a new encoder knows nothing");
    let stream = Stream::new(7, "training");
    for update in 0..100 {
        let stream = stream.child(&update.to_string());
        let context = buffers.context(&[0, 1], 32, &mut stream.child("context"));
        let Batch { obs, action, next_obs, reward, alive } =
            buffers.sample(&[0, 1], 64, &mut stream.child("minibatch"));
        let batch = PearlBatch { context, obs, action, reward, next_obs, alive };
        agent.learn(&batch, &mut stream.child("noise"));
    }
    let found = distance(&agent, &buffers);
    assert!(found > 3.0, "{found} standard deviations apart");
}
