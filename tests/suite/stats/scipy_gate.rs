//! Corrected cosines and the gate against numpy and scipy (`tests/fixtures/scipy/stats.py`).

use hyperl::stats::Estimate;
use hyperl::stats::corrected::{correct, mean_pair_lower};
use hyperl::stats::gate::{Gate, PairedState, Rule};
use hyperl::stats::lift::Lift;
use hyperl::stats::replicates::Replicates;
use serde_json::Value;

use crate::support::scipy::{assert_near, cases, number, numbers};

/// Numbers, with null for NaN, row by row.
fn rows(value: &Value) -> Vec<Vec<f64>> {
    let or_nan = |x: &Value| x.as_f64().unwrap_or(f64::NAN);
    let row = |r: &Value| r.as_array().unwrap().iter().map(or_nan).collect();
    value.as_array().unwrap().iter().map(row).collect()
}

fn replicates(row: &[f64]) -> Replicates {
    let [full, block, pair, quad, dot, truth_square, critic_square, error_square] =
        row.try_into().unwrap();
    Replicates { full, block, pair, quad, dot, truth_square, critic_square, error_square }
}

#[track_caller]
fn assert_estimate(found: Estimate, expected: &Value) {
    assert_near(found.value, &expected[0], 1e-9);
    for (end, expected) in [(found.low, &expected[1]), (found.high, &expected[2])] {
        assert!((end - number(expected)).abs() < 1e-9, "{end} {expected}");
    }
}

#[test]
fn replicates_match_numpy() {
    for case in cases("corrected") {
        let critics = rows(&case["critics"]);
        for ((blocks, critic), row) in
            case["blocks"].as_array().unwrap().iter().zip(critics).zip(rows(&case["rows"]))
        {
            let found = Replicates::of(&rows(blocks), &critic).unwrap();
            let expected = replicates(&row);
            assert!((found.full - expected.full).abs() < 1e-12);
            assert!((found.block - expected.block).abs() < 1e-12);
            assert!((found.pair - expected.pair).abs() < 1e-12);
            assert!((found.dot - expected.dot).abs() < 1e-12);
            assert!((found.truth_square - expected.truth_square).abs() < 1e-12);
            assert!((found.critic_square - expected.critic_square).abs() < 1e-12);
            assert!((found.error_square - expected.error_square).abs() < 1e-12);
            assert_eq!(found.quad.is_nan(), expected.quad.is_nan());
            assert!(found.quad.is_nan() || (found.quad - expected.quad).abs() < 1e-12);
        }
    }
}

#[test]
fn corrected_numbers_match_a_jackknife_written_out() {
    for case in cases("corrected") {
        let states: Vec<Replicates> = rows(&case["rows"]).iter().map(|r| replicates(r)).collect();
        let blocks = case["blocks"][0].as_array().unwrap();
        let lift = Lift::Orthogonal { blocks: blocks.len(), dims: numbers(&blocks[0]).len() };
        let found = correct(&states, lift, 0.95);
        assert_estimate(found.raw, &case["raw"]);
        assert_estimate(found.block, &case["block"]);
        assert_estimate(found.agreement, &case["agreement"]);
        assert_estimate(found.ceiling_block, &case["ceiling_block"]);
        assert_estimate(found.ceiling, &case["ceiling"]);
        assert_estimate(found.corrected, &case["corrected"]);
        assert_estimate(found.stacked, &case["stacked"]);
        assert_estimate(found.alpha, &case["alpha"]);
        assert_near(found.second_opinion, &case["second_opinion"], 1e-10);
        assert_eq!(found.depends_on_snr, case["depends_on_snr"].as_bool().unwrap());
        let pairs: Vec<_> = states.iter().map(|s| vec![[s.pair]]).collect();
        assert_near(mean_pair_lower(&pairs), &case["pair_lower"], 1e-10);
        let enough = states.len() >= 10;
        assert_eq!(found.resolved, enough && number(&case["pair_lower"]) > 0.05);
    }
}

#[test]
fn ceilings_of_gaussian_halves_match_quadrature_and_root_finding_of_scipy() {
    for case in cases("lift_gaussian") {
        let (rollouts, dims) = (number(&case[1]) as usize, number(&case[2]) as usize);
        let lifted = Lift::Gaussian { rollouts, dims }.ceiling(number(&case[0]));
        assert_near(lifted, &case[3], 1e-9);
    }
}

#[track_caller]
fn assert_decision(gate: &Gate, case: &Value) {
    assert_near(gate.p_regress, &case["p_regress"], 1e-8);
    assert_near(gate.p_ni, &case["p_ni"], 1e-8);
    assert_estimate(gate.difference, &case["difference"]);
    assert_near(gate.sd, &case["sd"], 1e-9);
    assert_eq!(serde_json::to_value(gate.verdict).unwrap(), case["verdict"]);
}

#[test]
fn the_paired_gate_matches_the_t_tests_of_scipy() {
    for case in cases("gate_paired") {
        let paired = |row: &Vec<f64>| {
            let [base_block, cand_block, pair, quad] = row[..].try_into().unwrap();
            PairedState { base_block, cand_block, pair, quad }
        };
        let states: Vec<Vec<PairedState>> =
            rows(&case["states"]).iter().map(|row| vec![paired(row)]).collect();
        let rule = Rule { tolerance: number(&case["tolerance"]), ..Rule::default() };
        let gate = Gate::paired(&states, rule);
        assert_decision(&gate, &case);
        assert_near(gate.scale, &case["scale"], 1e-12);
        assert_near(gate.min_detectable_drop_80, &case["min_detectable_drop_80"], 1e-9);
        assert_near(gate.power_at_005, &case["power_at_005"], 1e-9);
        let needed = gate.states_needed(0.1, 0.9).unwrap();
        assert_eq!(needed, number(&case["needed_for_01_at_90"]) as usize);
    }
}

#[test]
fn the_gate_with_two_truths_matches_welch_on_pseudo_values() {
    for case in cases("gate_regenerated") {
        let side = |name: &str| -> Vec<Vec<Replicates>> {
            rows(&case[name]).iter().map(|row| vec![replicates(row)]).collect()
        };
        let rule = Rule { tolerance: number(&case["tolerance"]), ..Rule::default() };
        assert_decision(&Gate::regenerated(&side("base"), &side("candidate"), rule), &case);
    }
}
