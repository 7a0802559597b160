//! From the noise of MAML's updates to Fig. 5, Table 1 and what they say.

use std::fmt::Write as _;

use super::page::{Headline, Verdict};
use super::tables::{Cell, Column, Table};
use super::theme::{env_label, model_label};
use super::{Axis, Violin, ViolinFigure, ViolinGroup, ViolinPanel, YRange, significant};
use crate::analysis::measure::maml_noise::Noise;
use crate::stats::Estimate;

/// σ/|μ| and variance at each iteration of [`PRINTED_AT`].
type PrintedRow = [(f64, f64); 4];

/// Table 1 of the paper: family, model, then σ/|μ| and variance at iterations 50, 150, 300 and 450.
const PRINTED: [(&str, &str, PrintedRow); 8] = [
    (
        "half-cheetah-fwd-back",
        "context",
        [(1.184, 774.0), (4.492, 2595.0), (2.590, 1891.0), (0.822, 3689.0)],
    ),
    (
        "half-cheetah-fwd-back",
        "hyper",
        [(0.027, 26.0), (0.017, 43.0), (0.021, 96.0), (0.014, 53.0)],
    ),
    (
        "half-cheetah-vel",
        "context",
        [(0.035, 122.0), (0.050, 208.0), (0.093, 520.0), (0.066, 161.0)],
    ),
    ("half-cheetah-vel", "hyper", [(0.009, 5.0), (0.005, 1.0), (0.008, 2.0), (0.009, 2.0)]),
    ("ant-dir-rad1", "context", [(0.274, 3.0), (0.199, 5.0), (0.400, 12.0), (0.285, 20.0)]),
    ("ant-dir-rad1", "hyper", [(0.073, 1.0), (0.047, 2.0), (0.050, 6.0), (0.047, 11.0)]),
    ("ant-vel", "context", [(0.379, 52.0), (0.377, 8.0), (0.628, 109.0), (0.418, 117.0)]),
    ("ant-vel", "hyper", [(0.252, 5.0), (0.159, 2.0), (0.080, 2.0), (0.057, 2.0)]),
];

/// Iterations of Table 1.
const PRINTED_AT: [u64; 4] = [50, 150, 300, 450];

/// Seeds of the paper's study, as far as it says.
const SEEDS: usize = 5;

/// Returns what the paper prints for a family, a model and an iteration: σ/|μ| and variance.
pub(crate) fn printed(env: &str, model: &str, iteration: u64) -> Option<(f64, f64)> {
    let at = PRINTED_AT.iter().position(|known| *known == iteration)?;
    PRINTED.iter().find(|(e, m, _)| (*e, *m) == (env, model)).map(|(_, _, row)| row[at])
}

/// Returns Table 1: what was measured beside what the paper prints.
pub(crate) fn table_1(noises: &[Noise]) -> Table {
    let names = ["σ/|μ|", "paper's", "variance", "paper's variance", "SD", "IQR/1.349"];
    let more =
        ["SD of the update itself", "SD of an evaluation", "mean ΔJ", "ΔJ / SD", "P(ΔJ > 0)"];
    let columns =
        ["family", "model", "seed", "iteration", "inner rate", "return before", "mean return"]
            .into_iter()
            .chain(names)
            .chain(more)
            .chain(["cosine between updates", "updates", "refused"]);
    let mut table = Table::new(columns.map(|name| Column::new(name, "")));
    table.rows = noises.iter().map(row).collect();
    table
}

fn row(noise: &Noise) -> Vec<Cell> {
    let v = &noise.variation;
    let paper = printed(&noise.env, &noise.model, noise.iteration);
    let printed = |number: Option<f64>| number.map_or(Cell::Missing, Cell::number);
    let gain = |of: fn(&crate::stats::variation::Improvement) -> Estimate| {
        v.improvement.as_ref().map_or(Cell::Missing, |i| Cell::Interval(of(i)))
    };
    vec![
        Cell::text(&*noise.env),
        Cell::text(&*model_label(&noise.model)),
        Cell::text(noise.seed.to_string()),
        Cell::text(noise.iteration.to_string()),
        Cell::text(significant(noise.inner_lr, 2)),
        Cell::number(noise.before),
        Cell::Interval(v.mean),
        Cell::Interval(v.coefficient_of_variation),
        printed(paper.map(|p| p.0)),
        Cell::Interval(v.population_variance),
        printed(paper.map(|p| p.1)),
        Cell::Interval(v.sd),
        Cell::Interval(v.robust_sd),
        Cell::Interval(v.update_sd),
        Cell::number(v.evaluation_variance.value.sqrt()),
        gain(|i| i.mean),
        gain(|i| i.signal_to_noise),
        gain(|i| i.share_positive),
        v.directions.as_ref().map_or(Cell::Missing, |d| Cell::Interval(d.cosine)),
        Cell::text(v.updates.to_string()),
        Cell::text(noise.refused.to_string()),
    ]
}

/// Returns Fig. 5: one panel for each family, one group for each iteration, one violin for each model.
pub(crate) fn figure_5(noises: &[Noise], subtitle: String) -> ViolinFigure {
    let mut panels: Vec<ViolinPanel> = Vec::new();
    for noise in noises {
        let violin = Violin {
            name: noise.model.clone(),
            values: noise.returns.clone(),
            before: Some(noise.before),
        };
        let known = panels.iter().position(|panel| panel.title == env_label(&noise.env));
        let place = known.unwrap_or(panels.len());
        if known.is_none() {
            panels.push(ViolinPanel { title: env_label(&noise.env).into(), groups: Vec::new() });
        }
        let panel = &mut panels[place];
        let label = noise.iteration.to_string();
        match panel.groups.iter_mut().find(|group| group.label == label) {
            Some(group) => group.violins.push(violin),
            None => panel.groups.push(ViolinGroup { label, violins: vec![violin] }),
        }
    }
    let all: Vec<f64> =
        noises.iter().flat_map(|n| n.returns.iter().copied().chain([n.before])).collect();
    let low = all.iter().copied().fold(f64::INFINITY, f64::min);
    let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let room = 0.08 * (high - low).max(1.0);
    let mut y = Axis::new("return after one update", "");
    if panels.len() == 1 {
        y.range = Some((low - room, high + room));
    }
    ViolinFigure {
        title: "Return after one of many independent updates (Fig. 5)".into(),
        subtitle,
        description: "Distribution of the return over independent updates from one checkpoint"
            .into(),
        x: "iteration".into(),
        y,
        y_range: YRange::default(),
        panels,
    }
}

/// Returns the verdict on "updates of Hyper-MAML differ less than those of Context-MAML", its reason, and
/// the number that decides: the smaller of the two ratios of standard deviations would be 1.
pub(crate) fn judge(noises: &[Noise]) -> (Verdict, String, Option<Headline>) {
    let mut pairs = Vec::new();
    for hyper in noises.iter().filter(|n| n.model == "hyper") {
        let same = |n: &&Noise| {
            (n.model.as_str(), &n.env, n.seed, n.iteration)
                == ("context", &hyper.env, hyper.seed, hyper.iteration)
        };
        pairs.extend(noises.iter().find(same).map(|context| (context, hyper)));
    }
    let Some((context, hyper)) = pairs.first() else {
        let reason = "No checkpoint of Hyper-MAML stands beside one of Context-MAML of the same family, \
                      seed and iteration.";
        return (Verdict::NotTested, reason.into(), None);
    };
    let texts: Vec<String> = pairs.iter().map(|(c, h)| compare(c, h)).collect();
    let seeds = pairs.iter().map(|(c, _)| c.seed).collect::<std::collections::BTreeSet<_>>().len();
    let mut reason = texts.join(" ");
    if seeds < SEEDS {
        let _ = write!(
            reason,
            " That is about these checkpoints: with {seeds} of {SEEDS} training seeds, what another run \
             would show is not known."
        );
    }
    let ratio = Headline {
        label: format!("SD of Context-MAML by that of Hyper-MAML, iteration {}", hyper.iteration),
        estimate: ratio(context.variation.sd, hyper.variation.sd),
        unit: String::new(),
    };
    let apart = |lower: fn(&(&Noise, &Noise)) -> [Estimate; 2]| {
        pairs.iter().all(|pair| {
            let [below, above] = lower(pair);
            below.high < above.low
        })
    };
    let verdict = if seeds < SEEDS {
        Verdict::Undecided
    } else if apart(|(c, h)| [spread_of(h), spread_of(c)]) {
        Verdict::Holds
    } else if apart(|(c, h)| [spread_of(c), spread_of(h)]) {
        Verdict::Fails
    } else {
        Verdict::Undecided
    };
    (verdict, reason, Some(ratio))
}

fn spread_of(noise: &Noise) -> Estimate {
    noise.variation.coefficient_of_variation
}

/// Says which of two intervals lies lower, for the relative and the absolute spread.
fn compare(context: &Noise, hyper: &Noise) -> String {
    let say = |name: &str, c: Estimate, h: Estimate| {
        let what = if h.high < c.low {
            "lower for Hyper-MAML, intervals apart"
        } else if c.high < h.low {
            "higher for Hyper-MAML, intervals apart"
        } else {
            "not told apart, intervals overlap"
        };
        format!("{name} is {what} ({} against {})", show(h), show(c))
    };
    let (c, h) = (&context.variation, &hyper.variation);
    format!(
        "{} at iteration {}: {}; {}.",
        hyper.env,
        hyper.iteration,
        say("σ/|μ|", c.coefficient_of_variation, h.coefficient_of_variation),
        say("the standard deviation", c.sd, h.sd)
    )
}

fn show(e: Estimate) -> String {
    let [value, low, high] = [e.value, e.low, e.high].map(|x| significant(x, 3));
    format!("{value} [{low}, {high}]")
}

/// The ratio of two spreads, with the interval that independent log-normal errors give.
fn ratio(a: Estimate, b: Estimate) -> Estimate {
    let half = |e: Estimate| 0.5 * (e.high / e.low).ln();
    let width = half(a).hypot(half(b));
    let value = a.value / b.value;
    Estimate { value, low: value * (-width).exp(), high: value * width.exp(), n: a.n.min(b.n) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_is_quoted_where_it_prints_and_nowhere_else() {
        assert_eq!(printed("half-cheetah-vel", "context", 50), Some((0.035, 122.0)));
        assert_eq!(printed("ant-vel", "hyper", 450), Some((0.057, 2.0)));
        assert_eq!(printed("half-cheetah-vel", "context", 60), None);
        assert_eq!(printed("half-cheetah-vel", "vanilla", 50), None);
    }

    #[test]
    fn a_ratio_has_the_width_of_both_logarithms() {
        let e = |value: f64| Estimate { value, low: value / 1.1, high: value * 1.1, n: 50 };
        let r = ratio(e(6.0), e(2.0));
        assert!((r.value - 3.0).abs() < 1e-12);
        let width = 1.1f64.ln() * 2.0f64.sqrt();
        assert!(
            ((r.high / 3.0).ln() - width).abs() < 1e-12
                && ((3.0 / r.low).ln() - width).abs() < 1e-12
        );
    }
}
