//! In how many states is an exactly right critic above a threshold, where the signal of each state is known?

use hyperl::rng::Stream;
use hyperl::stats::replicates::Replicates;
use hyperl::stats::signal_law::SignalLaw;

use crate::support::seeds::drawn;
use crate::world::{Design, World};

const TAUS: [f64; 3] = [0.25, 0.5, 0.75];

/// As many states of a world, seen by an exactly right critic.
fn exact(world: &World, states: usize, stream: &mut Stream) -> Vec<Replicates> {
    let state = |_| {
        let truth = world.truth(stream);
        truth.judge(&world.angled(&truth, 1.0))
    };
    (0..states).map(state).collect()
}

/// What the law says minus the share of `states` above each threshold.
fn errors(states: &[Replicates], blocks: usize, dims: usize) -> [f64; 3] {
    let agreement: Vec<f64> = states.iter().map(|state| state.pair).collect();
    let law = SignalLaw::of(&agreement, blocks, dims).expect("there are states");
    TAUS.map(|tau| {
        let above = states.iter().filter(|state| state.full > tau).count();
        law.exact_above(tau) - above as f64 / states.len() as f64
    })
}

/// States of which a tenth have a clear signal, and the others hardly any.
fn few_clear(dims: usize, states: usize, stream: &mut Stream) -> Vec<Replicates> {
    // A block of 2·dims rollouts has δ² = 2·dims·ρ.
    let of = |delta: f64| {
        let snr = delta * delta / (2 * dims) as f64;
        World { dims, design: Design::Lab { blocks: 4 }, snr, spread: 0.0 }
    };
    [exact(&of(6.0), states / 10, stream), exact(&of(0.5), states - states / 10, stream)].concat()
}

#[test]
fn an_exact_critic_is_above_as_often_as_the_law_says() {
    for (dims, blocks, snr, spread, close) in [
        (3, 4, 0.2, 0.0, 0.06),
        (8, 4, 0.4, 0.0, 0.06),
        (3, 4, 0.3, 1.0, 0.06),
        (6, 4, 0.3, 1.0, 0.06),
        (6, 2, 0.3, 1.0, 0.06),
        (8, 4, 0.1, 2.0, 0.1),
    ] {
        let world = World { dims, design: Design::Lab { blocks }, snr, spread };
        let states = exact(&world, 4000, &mut drawn(0, "signal law"));
        let found = errors(&states, blocks, dims);
        assert!(found.iter().all(|e| e.abs() < close), "{world:?}: {found:?}");
    }
}

#[test]
fn so_it_is_through_the_real_design() {
    for (dims, snr, spread) in [(3, 0.3, 1.0), (6, 0.3, 0.0)] {
        let world = World { dims, design: Design::Real { blocks: 4 }, snr, spread };
        let states = exact(&world, 2000, &mut drawn(0, "real signal law"));
        let found = errors(&states, 4, dims);
        assert!(found.iter().all(|e| e.abs() < 0.06), "{world:?}: {found:?}");
    }
}

#[test]
fn and_where_few_states_hold_most_of_the_signal() {
    // A law of the first two moments of the agreement is off by 0.15 and 0.18 at the first threshold.
    for dims in [3, 6] {
        let states = few_clear(dims, 10_000, &mut drawn(0, "few clear"));
        let found = errors(&states, 4, dims);
        assert!(found.iter().all(|e| e.abs() < 0.12), "{dims}: {found:?}");
    }
}

#[test]
fn the_mean_cosine_of_the_law_is_the_ceiling() {
    for (dims, snr, spread) in [(3, 0.2, 0.0), (6, 0.5, 1.0)] {
        let world = World { dims, design: Design::Lab { blocks: 4 }, snr, spread };
        let states = exact(&world, 4000, &mut drawn(0, "mean of the law"));
        let agreement: Vec<f64> = states.iter().map(|state| state.pair).collect();
        let law = SignalLaw::of(&agreement, 4, dims).expect("there are states");
        // E cos = ∫ P(cos > τ) dτ − 1, by the midpoint rule
        let pieces = 100;
        let middle = |i: i32| -1.0 + (f64::from(i) + 0.5) * 2.0 / f64::from(pieces);
        let sum: f64 = (0..pieces).map(|i| law.exact_above(middle(i))).sum();
        let (mean, ceiling) = (sum * 2.0 / f64::from(pieces) - 1.0, world.ceiling());
        assert!((mean - ceiling).abs() < 0.035, "{world:?}: {mean}, not {ceiling}");
    }
}

#[test]
fn a_hundred_states_tell_it_roughly() {
    let world = World { dims: 3, design: Design::Lab { blocks: 4 }, snr: 0.3, spread: 1.0 };
    let root_mean_square = |name: &str, draw: &dyn Fn(&mut Stream) -> Vec<Replicates>| {
        let trials = 15;
        let square = |seed| errors(&draw(&mut drawn(seed, name)), 4, 3)[0].powi(2);
        ((0..trials).map(square).sum::<f64>() / trials as f64).sqrt()
    };
    let spread = root_mean_square("spread", &|stream| exact(&world, 100, stream));
    let clear = root_mean_square("clear", &|stream| few_clear(3, 100, stream));
    assert!(spread < 0.09 && clear < 0.2, "{spread} {clear}");
}

#[test]
fn without_states_there_is_no_law() {
    assert_eq!(SignalLaw::of(&[], 4, 3), None);
}
