//! The authors' script: a held action, the unperturbed action as sample 0, a critic at the limit.

use hyperl::env::Env;
use hyperl::gradient::known::{Critic, LinearEnv, LinearQuadratic, ProcessNoise};
use hyperl::gradient::{Design, Mode, Settings, perturb};
use hyperl::rng::Stream;
use ndarray::{Array1, array};

use crate::support::lab::{Lab, norm};

const S: [f64; 3] = [1.0, -0.5, 0.25];
const A: [f64; 2] = [0.3, -0.2];

fn worked_example() -> Lab {
    let system = LinearQuadratic::worked_example().unwrap();
    let quiet = system.with_noise(Array1::zeros(3), Array1::zeros(2));
    Lab { centre: Some(A.to_vec()), ..Lab::new(quiet, vec![S.to_vec()]) }
}

fn settings(mode: Mode, std: f64) -> Settings {
    Settings { mode, states: 1, std, ..Settings::default() }
}

#[test]
fn holding_the_action_three_steps_gives_another_gradient() {
    let lab = worked_example();
    // docs/estimator.md §1.6, item 7
    for (mode, expected) in
        [(Mode::Paper, array![-0.46513, -1.06275]), (Mode::AsReleased, array![-1.99777, -3.55877])]
    {
        let settings = Settings { tail: 1e-9, ..settings(mode, 1e-6) };
        let found = lab.estimates(&settings).remove(0);
        assert!(norm(&(&found - &expected)) < 2e-5, "{mode:?}: {found}");
    }
}

/// Return of the infinite future if `action` is held for three steps and the policy follows.
fn held_return(lab: &Lab, action: &[f64]) -> f64 {
    let mut env = LinearEnv::new(lab.system.clone(), ProcessNoise::Off);
    env.restore(&env.snapshot_at(&S)).unwrap();
    let gamma = lab.system.coefficients().gamma;
    let earned: f64 = (0..3).map(|k| gamma.powi(k) * env.step(action).unwrap().reward).sum();
    earned + gamma.powi(3) * lab.system.value(env.obs())
}

#[test]
fn an_exact_critic_at_the_time_limit_stands_for_the_infinite_future() {
    for (time_limit, elapsed) in [(20, 0), (20, 12), (20, 18), (20, 19), (20, 25)] {
        let lab = Lab { time_limit, elapsed, ..worked_example() };
        let system = lab.system.clone();
        let value = move |s: &[f64], a: &[f64]| system.q(s, a);
        let exact = Critic { value: Box::new(value), ..Critic::constant(array![1.0, 0.0]) };
        let settings = settings(Mode::AsReleased, 0.3);
        let mean_return = |bootstrap| {
            let found = lab.try_measure((&exact, bootstrap), &settings, 1).unwrap().remove(0);
            assert_eq!(found.horizon, time_limit.saturating_sub(elapsed).max(1));
            found.mean_return
        };
        let mut stream = Stream::new(0, "perturb").child(lab.streams).child("0");
        let (rollouts, std) = (settings.rollouts, settings.std);
        let cloud = perturb(&A, rollouts, std, Design::CentreThenGaussian, &mut stream);
        let hold = |a: &[f64]| match time_limit.saturating_sub(elapsed).max(1) {
            3.. => held_return(&lab, a),
            steps => held_and_cut(&lab, a, steps),
        };
        let returns: Vec<f64> =
            cloud.actions.rows().into_iter().map(|a| hold(&a.to_vec())).collect();
        let expected = returns.iter().sum::<f64>() / 15.0;
        let found = mean_return(Some(&exact));
        assert!((found - expected).abs() < 1e-9, "{time_limit} {elapsed}: {found} {expected}");
        assert!((mean_return(None) - expected).abs() > 1e-2, "{time_limit} {elapsed}");
    }
}

/// The same if the limit comes before the three steps are over.
fn held_and_cut(lab: &Lab, action: &[f64], steps: u32) -> f64 {
    let mut env = LinearEnv::new(lab.system.clone(), ProcessNoise::Off);
    env.restore(&env.snapshot_at(&S)).unwrap();
    let gamma = lab.system.coefficients().gamma;
    let mut earned = 0.0;
    for k in 0..steps {
        earned += gamma.powi(k as i32) * env.step(action).unwrap().reward;
    }
    earned + gamma.powi(steps as i32) * lab.system.value(env.obs())
}

#[test]
fn the_papers_mode_takes_no_critic_into_its_truth() {
    let lab = Lab { time_limit: 20, ..worked_example() };
    let absurd =
        Critic { value: Box::new(|_, a| 1e6 * a[0]), ..Critic::constant(array![1.0, 0.0]) };
    let settings = settings(Mode::Paper, 0.3);
    let run = |bootstrap| lab.try_measure((&absurd, bootstrap), &settings, 1).unwrap();
    assert_eq!(format!("{:?}", run(None)), format!("{:?}", run(Some(&absurd))));
    // The time limit is no end either.
    assert_eq!(run(None)[0].horizon, 135);
}
