//! Evaluation: how well a task is done after few trajectories in it (authors' `collect_paths`).
//!
//! One course starts with z from the prior. After the second trajectory and each later one, z is drawn
//! from what the encoder makes of all transitions of the course so far. Actions are tanh of the mean. The
//! score of a course is the undiscounted return of its last trajectory.

use tch::Kind;

use super::buffers::whole_context;
use super::collect::steps;
use super::trajectory::{Acting, Player, Start, Trajectory};
use crate::env::Task;
use crate::error::Result;
use crate::nn::context::Posterior;
use crate::rng::Stream;

/// How a task is evaluated.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// Courses in each task.
    pub courses: usize,
    /// Steps of a course, in complete trajectories.
    pub steps: usize,
    /// Trajectories before the first posterior.
    pub exploration: usize,
}

/// One trajectory of a course.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// Transitions from which its z was inferred; 0 if z came from the prior.
    pub context: usize,
    /// Its undiscounted return.
    pub total: f64,
}

/// A task and its courses.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// The task.
    pub task: Task,
    /// The trajectories of each course in turn.
    pub courses: Vec<Vec<Trial>>,
}

impl Evaluated {
    /// Returns the mean over courses of the last trajectory's return.
    fn score(&self) -> f64 {
        let last = self.courses.iter().filter_map(|course| course.last());
        last.map(|trial| trial.total).sum::<f64>() / self.courses.len() as f64
    }
}

/// Returns the mean over tasks of their scores.
pub fn mean_score(tasks: &[Evaluated]) -> f64 {
    tasks.iter().map(Evaluated::score).sum::<f64>() / tasks.len() as f64
}

/// What an agent believes of a task after it has explored it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The latent `[Z]` that it drew.
    pub z: Vec<f32>,
    /// Transitions that it drew it from.
    pub context: usize,
}

/// A course under way.
struct Course {
    task: Task,
    stream: Stream,
    trajectories: Vec<Trajectory>,
    trials: Vec<Trial>,
}

impl Course {
    /// Starts course `number` of a task.
    fn new((task, stream): &(Task, Stream), number: usize) -> Self {
        let stream = stream.child(&format!("course-{number}"));
        Self { task: *task, stream, trajectories: Vec::new(), trials: Vec::new() }
    }
}

impl Player<'_> {
    /// Evaluates tasks, each with a stream that its courses' streams are named under.
    ///
    /// # Errors
    /// As [`Player::run`].
    pub fn evaluate(&self, tasks: &[(Task, Stream)], how: Protocol) -> Result<Vec<Evaluated>> {
        let each = |task| (0..how.courses).map(move |number| Course::new(task, number));
        let mut all: Vec<Course> = tasks.iter().flat_map(each).collect();
        loop {
            let mut open: Vec<&mut Course> =
                all.iter_mut().filter(|course| steps(&course.trajectories) < how.steps).collect();
            if open.is_empty() {
                break;
            }
            let starts = open
                .iter()
                .map(|c| self.next_of(c, how.exploration))
                .collect::<Result<Vec<_>>>()?;
            let contexts: Vec<usize> = starts.iter().map(|(context, _)| *context).collect();
            let starts: Vec<Start> = starts.into_iter().map(|(_, start)| start).collect();
            let done = self.run(&starts, Acting::Greedy)?;
            for ((course, context), trajectory) in open.iter_mut().zip(contexts).zip(done) {
                course.trials.push(Trial { context, total: trajectory.total() });
                course.trajectories.push(trajectory);
            }
        }
        let mut trials = all.into_iter().map(|course| course.trials);
        let evaluated = |(task, _): &(Task, Stream)| Evaluated {
            task: *task,
            courses: trials.by_ref().take(how.courses).collect(),
        };
        Ok(tasks.iter().map(evaluated).collect())
    }

    /// Explores one task for so many trajectories, and returns the latent with which the next one of its
    /// first course would be run. Tasks are explored one by one, so that none depends on the others.
    ///
    /// # Errors
    /// As [`Player::run`].
    pub fn explore(&self, task: &(Task, Stream), exploration: usize) -> Result<Found> {
        let mut course = Course::new(task, 0);
        loop {
            let (context, start) = self.next_of(&course, exploration)?;
            if context > 0 {
                return Ok(Found { z: start.z, context });
            }
            course.trajectories.extend(self.run(&[start], Acting::Greedy)?);
        }
    }

    /// Returns the next trajectory of a course and the transitions behind its z.
    fn next_of(&self, course: &Course, exploration: usize) -> Result<(usize, Start)> {
        let done = &course.trajectories;
        let stream = course.stream.child(&done.len().to_string());
        let (context, belief) = if done.len() < exploration {
            (0, Posterior::prior(1, Kind::Float))
        } else {
            (steps(done), self.agent.infer(&whole_context(done, self.dims())))
        };
        Ok((context, Start::new(course.task, &belief, stream)?))
    }
}
