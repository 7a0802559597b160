//! Lab mode: independent blocks of ± pairs, and what they say about noise.

use hyperl::gradient::known::Critic;
use hyperl::gradient::{self, Adaptive, Mode, Settings, StateResult};
use hyperl::stats::Estimate;
use hyperl::stats::attenuation::orthogonal_design;
use hyperl::stats::corrected::Corrected;
use hyperl::stats::lift::Lift;
use hyperl::stats::resample::jackknife;
use hyperl::stats::summary;
use ndarray::Array1;

use crate::support::lab::{Lab, cosines, norm, rotated};
use crate::support::seeds::drawn;

const SIZES: [(usize, usize); 3] = [(11, 3), (17, 6), (27, 8)];
const HORIZON: u32 = 5;
const STD: f64 = 0.3;
/// Repetitions over which intervals are counted that cover.
const SEEDS: u64 = 10;
/// Of as many intervals of 95 %, fewer than this cover in 6 of 100 000 cases.
const ENOUGH: u64 = 6;

fn settings(states: usize) -> Settings {
    Settings { states, adaptive: None, horizon: Some(HORIZON), ..Settings::lab() }
}

/// Slope and noise so large that curvature is nothing beside them; `snr` is ρ of one rollout.
fn noisy(size: (usize, usize), snr: f64, states: usize) -> Lab {
    let slope = 1e4 * f64::sqrt(snr) / STD;
    Lab { noise: 1e4, ..Lab::random(size, 1e-5, (states, slope, HORIZON)) }
}

fn corrected(results: &[StateResult], settings: &Settings) -> Corrected {
    let found = gradient::corrected(results, settings, 0.95);
    assert_eq!(found.states, results.len(), "a state has no replicates");
    found
}

/// How many intervals of the corrected and of the stacked cosine cover the truth, over seeds, of which
/// each has the critic that is made for it.
fn covering(
    lab: &Lab,
    (critic, truth): (&dyn Fn(u64) -> Critic, f64),
    settings: &Settings,
    check: impl Fn(&Corrected),
) -> [u64; 2] {
    let mut covered = [0; 2];
    for seed in 0..SEEDS {
        let settings = Settings { seed, ..settings.clone() };
        let found = corrected(&lab.measure(&critic(seed), &settings), &settings);
        assert!(found.resolved, "{truth} {:?}", found.agreement);
        check(&found);
        for (count, e) in covered.iter_mut().zip([found.corrected, found.stacked]) {
            *count += u64::from(e.covers(truth));
        }
    }
    covered
}

/// Tells whether `truth` lies within twice the 95 % interval, some four standard errors.
fn within_four_errors(found: Estimate, truth: f64) -> bool {
    (found.value - truth).abs() < 2.0 * found.half_width()
}

/// A critic that points anywhere.
fn random(critic: Critic, seed: u64) -> Critic {
    critic.map(move |state, g| {
        let mut stream = drawn(state as u64, &format!("anywhere {seed}"));
        Array1::from_shape_simple_fn(g.len(), || stream.normal())
    })
}

#[test]
fn the_corrected_cosine_is_that_of_the_critic_whatever_the_noise() {
    for size in SIZES {
        let lab = noisy(size, 0.3, 100);
        let exact = || lab.slope(HORIZON);
        let critics: [(&dyn Fn(u64) -> Critic, f64); 4] = [
            (&|_| exact(), 1.0),
            (&|_| rotated(exact(), 60.0), 0.5),
            (&|_| rotated(exact(), 180.0), -1.0),
            (&|seed| random(exact(), seed), 0.0),
        ];
        for (critic, truth) in critics {
            let covered = covering(&lab, (critic, truth), &settings(100), |found| {
                assert!(found.corrected.half_width() < 0.2, "{size:?} {truth} {found:?}");
                assert!(found.stacked.half_width() < 0.2, "{size:?} {truth} {found:?}");
            });
            assert!(covered.iter().all(|&n| n >= ENOUGH), "{size:?} {truth}: {covered:?}");
        }
    }
}

#[test]
fn the_ceiling_is_what_the_exact_critic_scores_where_dimensions_are_saturated_too() {
    // Three of six dimensions have room: three dimensions in the two blocks of six, not in four.
    let centre = vec![1.0, -1.0, 1.0, 0.0, 0.1, -0.1];
    let lab = Lab { centre: Some(centre), ..noisy((17, 6), 0.3, 300) };
    let settings = settings(300);
    let results = lab.measure(&lab.slope(HORIZON), &settings);
    assert!(results.iter().all(|r| (r.fit.tried, r.rollouts) == (3, 12)));
    let found = corrected(&results, &settings);
    let error = found.ceiling.half_width().hypot(found.raw.half_width());
    assert!((found.ceiling.value - found.raw.value).abs() < 2.0 * error, "{found:?}");
    let four_blocks = Lift::Pairs { blocks: 4, dims: 3 }.ceiling(found.ceiling_block.value);
    assert!(four_blocks > found.ceiling.value + 0.06, "{four_blocks} {found:?}");
}

#[test]
fn the_ceiling_is_that_of_a_critic_smoothed_as_the_truth_is() {
    // E2: Q has waves that are as steep as its slope, and shorter than the perturbations.
    let size = (11, 3);
    let lab = Lab { wave: 1.5, noise: 2.0, ..Lab::random(size, 1e-5, (300, 10.0, HORIZON)) };
    let settings = settings(300);
    let results = lab.measure(&lab.exact(HORIZON), &settings);
    let ceiling = corrected(&results, &settings).ceiling;
    let mean = |value: fn(&StateResult) -> f64| {
        jackknife(&results.iter().map(value).collect::<Vec<_>>(), summary::mean, 0.95)
    };
    let (raw, matched) = (mean(|r| r.cosine), mean(|r| r.matched_cosine));
    assert!(raw.value < ceiling.value - 0.1, "{raw:?} {ceiling:?}");
    // Both fits mistake the odd part of the waves for slope in the same way, blocks of their own do not: the
    // exact critic shows a little more than the ceiling.
    let error = matched.half_width().hypot(ceiling.half_width());
    assert!(matched.value > ceiling.value - 2.0 * error, "{matched:?} {ceiling:?}");
    assert!(matched.value < ceiling.value + 0.01 + 2.0 * error, "{matched:?} {ceiling:?}");
}

#[test]
fn every_checkpoint_tries_its_own_actions() {
    let tried = |streams| {
        let lab = Lab { streams, ..noisy((11, 3), 0.3, 5) };
        let results = lab.measure(&lab.slope(HORIZON), &settings(5));
        results.into_iter().map(|result| result.record.actions).collect::<Vec<_>>()
    };
    assert_eq!(tried("step 1"), tried("step 1"));
    let (one, two) = (tried("step 1"), tried("step 2"));
    assert!(one.iter().zip(&two).all(|(a, b)| a != b), "{one:?}");
}

#[test]
fn raw_cosine_and_ceiling_are_those_of_the_formula() {
    for size in SIZES {
        let (lab, settings) = (noisy(size, 0.3, 300), settings(300));
        let rollouts = settings.rollouts_of(size.1);
        let results = lab.measure(&lab.slope(HORIZON), &settings);
        // The longest pairs of eight dimensions may meet the box.
        assert!(results.iter().all(|r| r.rollouts == rollouts && r.clipped < 0.3), "{size:?}");
        let ceiling = orthogonal_design(0.3, rollouts, size.1);
        let cosines = cosines(&results);
        let errors = (summary::mean(&cosines) - ceiling) / summary::standard_error(&cosines);
        assert!(errors.abs() < 4.0, "{size:?} {errors}");
        let found = corrected(&results, &settings).ceiling;
        assert!(within_four_errors(found, ceiling), "{size:?} {ceiling} {found:?}");
    }
}

#[test]
fn half_splits_correct_the_papers_cosine_too() {
    for size in SIZES {
        let lab = noisy(size, 1.0, 400);
        let settings = Settings { states: 400, horizon: Some(HORIZON), ..Settings::default() };
        let critic = |_| rotated(lab.slope(HORIZON), 60.0);
        let [corrected, _] = covering(&lab, (&critic, 0.5), &settings, |found| {
            assert!(found.raw.value < 0.5, "{size:?} {:?}", found.raw);
        });
        assert!(corrected >= ENOUGH, "{size:?} {corrected}");
    }
}

#[test]
fn curvature_cancels_within_a_pair() {
    for size in SIZES {
        // The policy's own gain and large perturbations: curvature is far from nothing.
        let lab = Lab::random(size, 1.0, (10, 0.5, 20));
        let settings = Settings { horizon: Some(20), ..settings(10) };
        for result in lab.measure(&lab.slope(20), &settings) {
            assert!(1.0 - result.cosine < 1e-9, "{size:?} {result:?}");
            assert!((result.norm_ratio - 1.0).abs() < 1e-6, "{size:?} {result:?}");
            let replicates = result.replicates.unwrap();
            assert!((replicates.pair - 1.0).abs() < 1e-9, "{size:?} {replicates:?}");
        }
    }
}

#[test]
fn pure_noise_is_unresolved() {
    let (lab, settings) = (noisy((17, 6), 1e-8, 100), settings(100));
    let found = corrected(&lab.measure(&lab.slope(HORIZON), &settings), &settings);
    assert!(!found.resolved && found.agreement.value.abs() < 0.15, "{:?}", found.agreement);
}

#[test]
fn states_are_drawn_until_the_interval_is_narrow_and_no_further() {
    let lab = noisy((11, 3), 1.0, 200);
    let critic = || rotated(lab.slope(HORIZON), 60.0);
    let run = |half_width| {
        let adaptive = Some(Adaptive { half_width, max_states: 200 });
        lab.measure(&critic(), &Settings { adaptive, ..settings(30) })
    };
    let (wide, narrow) = (run(0.05), run(0.035));
    let lengths = [wide.len(), narrow.len()];
    assert!(30 <= lengths[0] && lengths[0] < lengths[1] && lengths[1] < 200, "{lengths:?}");
    assert_eq!(wide.len() % 10, 0);
    let settings = settings(30);
    let width = |n: usize| corrected(&narrow[..n], &settings).corrected.half_width();
    assert!(width(narrow.len()) <= 0.035 && width(narrow.len() - 10) > 0.035);
    // More states change nothing about the first ones.
    assert_eq!(format!("{wide:?}"), format!("{:?}", &narrow[..wide.len()]));
    assert_eq!(run(1e-9).len(), 200, "it gives up when there are no more");
}

#[test]
fn a_pair_shares_the_noise_of_the_process() {
    let mut lab = Lab::random((11, 3), 1e-4, (40, 100.0, 20));
    let drawn = (*lab.system).clone();
    lab.system = drawn.with_noise(Array1::from_elem(11, 1e-4), Array1::zeros(3)).into();
    let settings = Settings { horizon: Some(20), ..settings(40) };
    let error = |shares: bool| {
        let lab = Lab { process_noise: Some(shares), ..lab.clone() };
        let square = |(s, g): (&Vec<f64>, Array1<f64>)| {
            let truth = lab.system.q_gradient_within(s, &lab.centre_at(s), 20);
            norm(&(&g - &truth)).powi(2) / norm(&truth).powi(2)
        };
        let estimates = lab.estimates(&settings);
        summary::mean(&lab.states.iter().zip(estimates).map(square).collect::<Vec<_>>())
    };
    let (shared, own) = (error(true), error(false));
    // Common noise leaves only what the noise does to the slope (docs/estimator.md §3: some 600 times less in
    // the mean; few states decide it, so that draws differ by an order of magnitude).
    assert!(shared < own / 10.0, "{shared} {own}");
}

#[test]
fn saturated_dimensions_are_left_out_and_said_so() {
    let lab = Lab { centre: Some(vec![1.0, 0.2, -0.1]), ..Lab::random((11, 3), 1.0, (4, 0.5, 20)) };
    let settings = Settings { horizon: Some(20), ..settings(4) };
    for result in lab.measure(&lab.slope(20), &settings) {
        assert!(result.flags.projected && !result.flags.too_few);
        assert_eq!((result.fit.tried, result.rollouts), (2, 4 * 2 * 2));
        assert!(1.0 - result.cosine < 1e-9, "{result:?}");
    }
    let corner = Lab { centre: Some(vec![1.0, -1.0, 1.0]), ..lab };
    for result in corner.measure(&corner.slope(20), &settings) {
        assert!(result.flags.projected && result.flags.too_few && result.cosine.is_nan());
        assert_eq!((result.rollouts, result.replicates), (0, None));
    }
}

#[test]
fn a_block_that_broke_is_left_out() {
    let mut lab = noisy((11, 3), 1.0, 40);
    lab.breaks_above = 0.45;
    let results = lab.measure(&lab.slope(HORIZON), &settings(40));
    let broken = results.iter().filter(|r| r.flags.non_finite > 0 && r.replicates.is_some());
    assert!(broken.count() > 3);
    for result in &results {
        assert!(result.flags.too_few || result.flags.rank_deficient || result.cosine.is_finite());
    }
    assert_eq!(settings(1).mode, Mode::Lab);
}

#[test]
fn a_few_states_that_agree_are_not_enough_to_stop() {
    // Without noise the exact critic scores 1 everywhere: any two states have an interval of width 0.
    let mut lab = Lab::random((11, 3), 1e-4, (120, 1.0, HORIZON));
    lab.breaks_above = 0.38; // and most blocks lose a rollout
    let settings = Settings { adaptive: Some(Adaptive::default()), ..settings(30) };
    let results = lab.measure(&lab.slope(HORIZON), &settings);
    let usable =
        |results: &[StateResult]| results.iter().filter(|r| r.replicates.is_some()).count();
    assert!(usable(&results[..30]) > 1, "two agree at the first look already");
    assert!(usable(&results) >= 30 || results.len() == 120, "{}", results.len());
    assert!(usable(&results[..results.len() - 10]) < 30, "it stops as soon as it can");
}
