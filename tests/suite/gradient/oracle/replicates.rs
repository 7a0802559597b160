//! Replicates of a truth: what halves of the paper's rollouts, and blocks of lab mode, say about noise.

use hyperl::gradient;
use hyperl::gradient::Settings;
use hyperl::gradient::bank::{Bank, BankState, Plan};
use hyperl::gradient::known::Critic;
use hyperl::gradient::pairs::Around;
use hyperl::stats::corrected::Corrected;
use hyperl::stats::summary;
use ndarray::Array1;

use crate::support::lab::{Lab, norm, rotated};

const SIZES: [(usize, usize); 3] = [(11, 3), (17, 6), (27, 8)];
const HORIZON: u32 = 5;
const STD: f64 = 0.3;
/// Repetitions over which intervals are counted that cover.
const SEEDS: u64 = 10;
/// Of as many intervals of 95 %, fewer than this cover in 6 of 100 000 cases.
const ENOUGH: usize = 6;

/// Slope and noise so large that curvature is nothing beside them; `snr` is ρ of one rollout.
fn noisy(size: (usize, usize), snr: f64, states: usize) -> Lab {
    let slope = 1e4 * f64::sqrt(snr) / STD;
    Lab { noise: 1e4, ..Lab::random(size, 1e-5, (states, slope, HORIZON)) }
}

#[test]
fn half_splits_correct_the_papers_cosine() {
    for size in SIZES {
        let lab = noisy(size, 1.0, 400);
        let of_seed = |seed| -> Corrected {
            let settings =
                Settings { states: 400, horizon: Some(HORIZON), seed, ..Settings::default() };
            let critic: Critic = rotated(lab.slope(HORIZON), 60.0);
            gradient::corrected(&lab.measure(&critic, &settings), &settings, 0.95)
        };
        let all: Vec<Corrected> = (0..SEEDS).map(of_seed).collect();
        let fit = |c: &&Corrected| c.states == 400 && c.resolved && c.raw.value < 0.5;
        assert_eq!(all.iter().filter(fit).count(), all.len(), "{size:?} {all:?}");
        let covered = all.iter().filter(|c| c.corrected.covers(0.5)).count();
        assert!(covered >= ENOUGH, "{size:?} {covered}");
    }
}

fn plan(horizon: u32) -> Plan {
    Plan { horizon, ..Plan::default() }
}

#[test]
fn every_checkpoint_tries_its_own_actions() {
    let tried = |streams| {
        let lab = Lab { streams, ..noisy((11, 3), 0.3, 5) };
        lab.bank(&plan(HORIZON)).states
    };
    assert_eq!(tried("step 1"), tried("step 1"));
    let (one, two) = (tried("step 1"), tried("step 2"));
    for (a, b) in one.iter().zip(&two) {
        assert!(a.tried.iter().zip(&b.tried).all(|(a, b)| a.pair != b.pair), "{a:?}");
    }
}

#[test]
fn curvature_cancels_within_a_pair() {
    for size in SIZES {
        // The policy's own gain and large perturbations: curvature is far from nothing.
        let lab = Lab::random(size, 1.0, (10, 0.5, 20));
        let bank = lab.bank(&plan(20));
        for (s, state) in lab.states.iter().zip(&bank.states) {
            let centre = Around::Inside.centre(&state.before_tanh, STD);
            let exact = lab.system.q_gradient_within(s, &centre, 20);
            let found = Array1::from(state.truth(Around::Inside).unwrap());
            assert!(norm(&(&found - &exact)) < 1e-6 * norm(&exact), "{size:?} {found} {exact}");
        }
    }
}

#[test]
fn a_pair_shares_the_noise_of_the_process() {
    let mut lab = Lab::random((11, 3), 1e-4, (40, 100.0, 20));
    let drawn = (*lab.system).clone();
    lab.system = drawn.with_noise(Array1::from_elem(11, 1e-4), Array1::zeros(3)).into();
    let error = |shares: bool| {
        let lab = Lab { process_noise: Some(shares), ..lab.clone() };
        let Bank { states, .. } = lab.bank(&plan(20));
        let square = |(s, state): (&Vec<f64>, &BankState)| {
            let centre = Around::Inside.centre(&state.before_tanh, STD);
            let truth = lab.system.q_gradient_within(s, &centre, 20);
            let found = Array1::from(state.truth(Around::Inside).unwrap());
            norm(&(&found - &truth)).powi(2) / norm(&truth).powi(2)
        };
        summary::mean(&lab.states.iter().zip(&states).map(square).collect::<Vec<_>>())
    };
    let (shared, own) = (error(true), error(false));
    // Common noise leaves only what the noise does to the slope (docs/estimator.md §3: some 600 times less in
    // the mean; few states decide it, so that draws differ by an order of magnitude).
    assert!(shared < own / 10.0, "{shared} {own}");
}

#[test]
fn a_block_that_broke_is_left_out() {
    // Of steps of 0.16 to 0.3 in the first coordinate some go too far.
    let lab = Lab { breaks_above: 0.25, ..Lab::random((11, 3), 1.0, (40, 0.5, HORIZON)) };
    let bank = lab.bank(&plan(HORIZON));
    let mut broken = 0;
    for (s, state) in lab.states.iter().zip(&bank.states) {
        let unstable = state.tried.iter().filter(|t| t.returns.iter().any(|q| q.is_nan()));
        let Some(found) = state.truth(Around::Inside) else { continue };
        broken += usize::from(unstable.count() > 0);
        // Blocks that are whole measure every coordinate.
        let centre = Around::Inside.centre(&state.before_tanh, STD);
        let exact = lab.system.q_gradient_within(s, &centre, HORIZON);
        assert!(norm(&(&Array1::from(found) - &exact)) < 1e-6 * norm(&exact));
    }
    assert!(broken > 3, "{broken}");
}
