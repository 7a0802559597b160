//! Does lab mode keep its promises through the design that it really uses, wherever the actor is?
//!
//! `benches/operating_characteristics.rs` asks the same at greater length.

use hyperl::gradient::{Record, orthogonal_blocks};
use hyperl::rng::Stream;
use hyperl::stats::corrected::{correct, correct_units};
use hyperl::stats::gate::{Gate, PairedState, Rule};
use hyperl::stats::replicates::Replicates;
use hyperl::stats::verdict::Verdict;

use crate::support::seeds::{drawn, test_seed};
use crate::world::{Design, World, lean};

/// Where the actor is: blocks, its action, and the coordinates that have room.
const PLACES: [(&str, usize, &[f64], usize); 5] = [
    ("hopper, one coordinate free", 4, &[1.0, 0.1, -1.0], 1),
    ("hopper, one coordinate near its bound, the others at it", 4, &[1.0, 0.9, -1.0], 1),
    ("half-cheetah, two coordinates free", 2, &[1.0, 0.1, -1.0, 1.0, -0.2, 1.0], 2),
    ("hopper, nothing saturated", 4, &[0.1, -0.2, 0.0], 3),
    ("half-cheetah, nothing saturated", 2, &[0.1, -0.2, 0.0, 0.1, 0.2, -0.1], 6),
];

fn world(blocks: usize, centre: &'static [f64], dims: usize, snr: f64) -> World {
    World { dims, design: Design::Real { blocks, centre }, snr, spread: 0.0 }
}

/// States of two critics that are alike and have nothing to do with each other.
fn two_critics(world: &World, states: usize, stream: &mut Stream) -> [Vec<Replicates>; 2] {
    let lean = lean(0.4, world.dims);
    let judged = (0..states).map(|_| {
        let truth = world.truth(stream);
        world.two_critics(&truth, [lean; 2], 0.0, stream).map(|critic| truth.judge(&critic))
    });
    let (base, candidate) = judged.map(|[a, b]| (a, b)).unzip();
    [base, candidate]
}

fn paired([base, candidate]: &[Vec<Replicates>; 2]) -> Vec<Vec<PairedState>> {
    base.iter().zip(candidate).map(|(b, c)| vec![PairedState::of(b, c)]).collect()
}

#[test]
fn noise_is_unresolved_wherever_the_actor_is() {
    // Blocks that shared their actions once agreed perfectly on noise.
    let mut resolved = Vec::new();
    for (place, blocks, centre, dims) in PLACES {
        let world = world(blocks, centre, dims, 1e-12);
        for seed in 0..20 {
            let sides = two_critics(&world, 300, &mut drawn(seed, place));
            let found = correct(&sides[0], world.lift(), 0.95);
            let gate = Gate::paired(&paired(&sides), Rule::default());
            if found.resolved {
                resolved.push((place, seed, found.agreement));
            } else {
                assert_eq!(gate.verdict, Verdict::Inconclusive, "{place} {seed}: {gate:?}");
            }
        }
    }
    // The bound of agreement lies 2.9 standard errors away with two blocks of two dimensions, more
    // elsewhere: of 100 draws three or more resolve in 3 of 100 000 cases. With our own seed none does.
    assert!(resolved.len() < 3, "{resolved:?}");
    assert!(test_seed(0) > 0 || resolved.is_empty(), "{resolved:?}");
}

#[test]
fn the_corrected_cosine_is_the_critics_wherever_the_actor_is() {
    for (place, blocks, centre, dims) in PLACES {
        let world = world(blocks, centre, dims, 3.0);
        let lean = lean(0.4, dims);
        let mut stream = drawn(0, place);
        let states: Vec<Replicates> = (0..1500)
            .map(|_| {
                let truth = world.truth(&mut stream);
                truth.judge(&world.critic(&truth, lean, &mut stream))
            })
            .collect();
        // Four standard errors: the interval of 99.99 %.
        let found = correct(&states, world.lift(), 0.9999);
        assert!(found.resolved && found.corrected.covers(0.4), "{place}: {:?}", found.corrected);
    }
}

#[test]
fn an_exact_critic_scores_the_ceiling_wherever_the_actor_is() {
    let all = PLACES.iter().flat_map(|place| [1.0, 10.0].map(|snr| (place, snr)));
    for (&(place, blocks, centre, dims), snr) in all {
        let world = world(blocks, centre, dims, snr);
        let mut stream = drawn(1, place);
        let states: Vec<Replicates> = (0..2000)
            .map(|_| {
                let truth = world.truth(&mut stream);
                let mut exact = vec![0.0; dims];
                exact[0] = 1.0;
                truth.judge(&exact)
            })
            .collect();
        let found = correct(&states, world.lift(), 0.9999);
        let error = found.raw.half_width().hypot(found.ceiling.half_width());
        let gap = found.raw.value - found.ceiling.value;
        assert!(gap.abs() <= error, "{place}, {snr}: {gap} ± {error}");
        // In one coordinate cosines are ±1: with as much noise as signal even 2000 states may not resolve them.
        assert!(found.resolved || snr < 10.0, "{place}, {snr}: {found:?}");
        assert!(found.corrected.covers(1.0), "{place}: {:?}", found.corrected);
    }
}

#[test]
fn two_equally_good_critics_do_not_alarm_where_one_actor_is_saturated() {
    // A mean cosine in one dimension was once compared with one in three.
    let (free, saturated) = ([0.1, -0.2, 0.0], [1.0, -0.2, 1.0]);
    let among: Vec<bool> = saturated.iter().map(|a: &f64| a.abs() < 1.0).collect();
    let mut alarms = 0;
    for seed in 0..40 {
        let mut stream = drawn(seed, "two actors");
        let side = |centre: &[f64], stream: &mut Stream| -> Vec<Vec<Replicates>> {
            (0..150)
                .map(|_| {
                    let record = rolled_out(centre, stream);
                    vec![record.replicates_for(&record.critic, &among).unwrap().unwrap()]
                })
                .collect()
        };
        let base = side(&free, &mut stream);
        let candidate = side(&saturated, &mut stream);
        let gate = Gate::regenerated(&base, &candidate, Rule::default());
        alarms += u32::from(gate.p_regress <= 0.05);
    }
    // Of 40 at 5 %, eight or more have a chance of 0.0006.
    assert!(alarms < 8, "{alarms} of 40");
}

/// A state with a random slope, noise, and a critic that leans towards the slope in every coordinate.
fn rolled_out(centre: &[f64], stream: &mut Stream) -> Record {
    let slope: Vec<f64> = centre.iter().map(|_| 5.0 * stream.normal()).collect();
    let critic = slope.iter().map(|g| 0.5 * g + 5.0 * stream.normal()).collect();
    let cloud = orthogonal_blocks(centre, 0.3, 4, stream);
    let rows = cloud.actions.rows();
    let actions: Vec<Vec<f64>> = rows.into_iter().map(|action| action.to_vec()).collect();
    let value = |a: &Vec<f64>| a.iter().zip(&slope).map(|(a, g)| a * g).sum::<f64>();
    let returns = actions.iter().map(|a| Some(value(a) + stream.normal())).collect();
    Record { centre: centre.to_vec(), critic, actions, returns }
}

#[test]
fn states_of_one_episode_are_no_independent_states() {
    // Ten episodes of thirty states that share the critic's error. As independent states the
    // interval would be √30 times too narrow, and cover in a fifth of the cases.
    let world = world(4, &[0.1, -0.2, 0.0], 3, 3.0);
    let (mut by_episode, mut by_state) = (0, 0);
    for seed in 0..60 {
        let mut stream = drawn(seed, "episodes");
        let lean = lean(0.4, 3);
        let episodes: Vec<Vec<Replicates>> = (0..10)
            .map(|_| {
                let shared = world.critic(&world.truth(&mut stream), lean, &mut stream);
                (0..30).map(|_| world.truth(&mut stream).judge(&shared)).collect()
            })
            .collect();
        let found = correct_units(&episodes, world.lift(), 0.95);
        by_episode += u32::from(found.corrected.covers(0.4));
        let found = correct(&episodes.concat(), world.lift(), 0.95);
        by_state += u32::from(found.corrected.covers(0.4));
    }
    // 0.95 of 60 is 57, standard deviation 1.7; ten episodes make it a little less.
    assert!(by_episode >= 50 && by_state <= 30, "{by_episode} and {by_state} of 60");
}
