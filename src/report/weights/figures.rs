//! Histograms of the weights of one layer, a panel for each environment.

use super::super::figure::{Axis, Panel, Point, Series, each_once};
use super::super::theme::env_label;
use super::{Group, groups};
use crate::analysis::measure::weights::distance::{display, display_end};
use crate::analysis::measure::weights::{Layer, Measured, Start};
use crate::env::EnvId;
use crate::error::Result;
use crate::stats::resample::jackknife;
use crate::stats::{LEVEL, summary};

/// Returns one panel for each environment: densities of the dynamic weights and of MLP-Small's.
pub(crate) fn histograms(measured: &[Measured], layer: Layer) -> Result<Vec<Panel>> {
    let all = groups(measured);
    let envs = each_once(all.iter().map(|group| group.env));
    let of = |env: EnvId| {
        let groups: Vec<&Group<'_>> =
            all.iter().filter(|g| g.env == env && g.layer == layer).collect();
        panel(env, layer, &groups)
    };
    envs.into_iter().map(of).collect()
}

fn name(start: Start) -> &'static str {
    match start {
        Start::Hyper | Start::Trained => "sa-hyper",
        Start::Pytorch => "SA-Hyper with PyTorch's initialisation",
    }
}

fn panel(env: EnvId, layer: Layer, groups: &[&Group<'_>]) -> Result<Panel> {
    let start = groups.first().map_or(Start::Hyper, |group| group.start);
    let end = display_end(start, layer.bound(env));
    let seeds = |group: &Group<'_>| group.values(|_| 0.0).len();
    let mut series = Vec::new();
    for group in groups {
        series.push(Series::step(name(group.start), density(group, 0)?, seeds(group)));
    }
    // All hypernetworks of a seed have the same reference.
    if let Some(group) = groups.first() {
        series.push(Series::step("mlp-small", density(group, 1)?, seeds(group)));
    }
    Ok(Panel {
        title: env_label(env.name()).into(),
        x: Axis::new("weight", "").with_range(-end, end),
        y: Axis::new("density", "1/weight"),
        series,
        references: Vec::new(),
    })
}

/// Density in each bin, at its left edge, with its interval over seeds; the last value is repeated at
/// the right edge. `which` is 0 for the dynamic weights, 1 for the reference.
fn density(group: &Group<'_>, which: usize) -> Result<Vec<Point>> {
    let edges = display(group.start, group.layer.bound(group.env))?.edges();
    let width = edges[1] - edges[0];
    let at = |(bin, left): (usize, &f64)| {
        let bin = bin.min(edges.len() - 2);
        let shares = group.values(|one| one.shares[which][bin + 1]); // the first is the underflow
        let densities: Vec<f64> = shares.iter().map(|share| share / width).collect();
        let mut point = Point::estimate(*left, &jackknife(&densities, summary::mean, LEVEL));
        point.low = point.low.max(0.0); // NaN becomes 0 …
        if densities.len() < 2 {
            point.low = f64::NAN; // … where there is no interval
        }
        point
    };
    Ok(edges.iter().enumerate().map(at).collect())
}
