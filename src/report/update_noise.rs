//! From the noise of MAML's updates to Fig. 5, Table 1 and what they say.

use std::collections::BTreeSet;

use serde_json::json;

use super::figure::extremes;
use super::finding::{Answer, Finding};
use super::numbers::with_ends;
use super::page::Headline;
use super::tables::{Cell, Table};
use super::text;
use super::theme::{env_label, model_label};
use super::{
    Axis, MAX_PANELS, Violin, ViolinFigure, ViolinGroup, ViolinPanel, YRange, significant,
};
use crate::analysis::measure::maml_noise::{Noise, NoiseSettings};
use crate::analysis::printed::of_updates;
use crate::analysis::series::label;
use crate::stats::Estimate;
use crate::study::claim::{Evidence, Verdict};

/// Seeds of the paper's study, as far as it says.
const SEEDS: usize = 5;

/// Returns Table 1: what was measured beside what the paper prints.
fn table_1(noises: &[Noise]) -> Table {
    let names = ["σ/|μ|", "paper's", "variance", "paper's variance", "SD", "IQR/1.349"];
    let more =
        ["SD of the update itself", "SD of an evaluation", "mean ΔJ", "ΔJ / SD", "P(ΔJ > 0)"];
    let columns =
        ["family", "model", "seed", "iteration", "inner rate", "return before", "mean return"]
            .into_iter()
            .chain(names)
            .chain(more)
            .chain(["cosine between updates", "updates", "refused"]);
    Table::of(columns, noises.iter().map(row))
}

fn row(noise: &Noise) -> Vec<Cell> {
    let v = &noise.variation;
    let paper = of_updates(&noise.env, &noise.model, noise.iteration);
    let printed = |number: Option<f64>| number.map_or(Cell::Missing, Cell::number);
    let gain = |of: fn(&crate::stats::variation::Improvement) -> Estimate| {
        v.improvement.as_ref().map_or(Cell::Missing, |i| Cell::Interval(of(i)))
    };
    vec![
        Cell::text(&noise.env),
        Cell::text(model_label(&noise.model)),
        Cell::text(noise.seed),
        Cell::text(noise.iteration),
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
        Cell::text(v.updates),
        Cell::text(noise.refused),
    ]
}

/// Returns Fig. 5: one panel for each family, one group for each iteration, one violin for each model, or for
/// each seed of it where there are several; a figure has no more panels than fit.
fn figure_5(noises: &[Noise], subtitle: &str) -> Vec<ViolinFigure> {
    let mut panels: Vec<ViolinPanel> = Vec::new();
    let same = |a: &Noise, b: &Noise| (&a.env, &a.model) == (&b.env, &b.model);
    for noise in noises {
        let several = noises.iter().any(|other| same(noise, other) && other.seed != noise.seed);
        let seed = if several { format!("seed {}", noise.seed) } else { String::new() };
        let violin = Violin {
            name: label(&noise.model, &seed),
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
    let all = noises.iter().flat_map(|n| n.returns.iter().copied().chain([n.before]));
    let (low, high) = extremes(all);
    let room = 0.08 * (high - low).max(1.0);
    let mut y = Axis::new("return after one update", "");
    if panels.len() == 1 {
        y.range = Some((low - room, high + room));
    }
    let figure = |panels: &[ViolinPanel]| ViolinFigure {
        title: "Return after one of many independent updates (Fig. 5)".into(),
        subtitle: subtitle.into(),
        description: "Distribution of the return over independent updates from one checkpoint"
            .into(),
        x: "iteration".into(),
        y: y.clone(),
        y_range: YRange::default(),
        panels: panels.to_vec(),
    };
    panels.chunks(MAX_PANELS).map(figure).collect()
}

pub(crate) fn finding(noises: &[Noise], settings: &NoiseSettings) -> Finding {
    let NoiseSettings { updates, evaluations, episodes, on, .. } = settings;
    let seeds = noises.iter().map(|noise| noise.seed).collect::<BTreeSet<_>>().len();
    let subtitle = format!(
        "{updates} updates each; {evaluations} × {episodes} episodes on each {} task, before adaptation; \
         training seeds: {seeds}",
        on.adjective()
    );
    let table = table_1(noises);
    Finding {
        violins: figure_5(noises, &subtitle),
        files: vec![("summary.csv", table.clone())],
        table: Some(table),
        method: text::method(include_str!("text/maml-noise.md"), json!({ "subtitle": subtitle })),
        answer: answer(noises),
        subtitle,
        ..Finding::default()
    }
}

/// Returns what pairs of checkpoints say of "updates of Hyper-MAML differ less than those of Context-MAML", and
/// the number that decides: the ratio of the first pair's standard deviations.
fn answer(noises: &[Noise]) -> Answer {
    let mut pairs = Vec::new();
    for hyper in noises.iter().filter(|n| n.model == "hyper") {
        let same = |n: &&Noise| {
            (n.model.as_str(), &n.env, n.seed, n.iteration)
                == ("context", &hyper.env, hyper.seed, hyper.iteration)
        };
        pairs.extend(noises.iter().find(same).map(|context| (context, hyper)));
    }
    let Some((context, hyper)) = pairs.first() else {
        return Answer::without_evidence(
            "No checkpoint of Hyper-MAML stands beside one of Context-MAML of the same family, seed and \
             iteration.",
        );
    };
    let smaller = |(context, hyper): &(&Noise, &Noise)| {
        let [c, h] = [context, hyper].map(|noise| noise.variation.coefficient_of_variation);
        if h.high < c.low {
            Verdict::Holds
        } else if c.high < h.low {
            Verdict::Fails
        } else {
            Verdict::Undecided
        }
    };
    let texts: Vec<String> = pairs.iter().map(|(c, h)| compare(c, h)).collect();
    let headline = Headline {
        label: format!("SD of Context-MAML by that of Hyper-MAML, iteration {}", hyper.iteration),
        estimate: ratio(context.variation.sd, hyper.variation.sd),
        unit: String::new(),
    };
    let seeds =
        Evidence::fewest_seeds(pairs.iter().map(|(context, _)| (&*context.env, context.seed)));
    Answer {
        evidence: Evidence::of(pairs.iter().map(smaller).collect(), seeds, SEEDS),
        reason: texts.join(" "),
        headline: Some(headline),
        ..Answer::default()
    }
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
        let [h, c] = [h, c].map(|spread| with_ends(&spread, |x| significant(x, 3)));
        format!("{name} is {what} ({h} against {c})")
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
    use crate::report::render_violins;
    use crate::rng::Stream;
    use crate::stats::resample::Bootstrap;
    use crate::stats::variation::{EvaluationStreams, Updates, variation};

    /// Three updates of a model at one iteration.
    fn noise(model: &str, seed: u64, spread: f64) -> Noise {
        let returns: Vec<f64> = [-1.0, 0.0, 1.0].map(|x| 100.0 + spread * x).into();
        let rows: Vec<Vec<f64>> = returns.iter().map(|x| vec![*x]).collect();
        let streams = EvaluationStreams::Shared;
        let updates = Updates { returns: &rows, streams, before: None, gram: None };
        let variation = variation(&updates, Bootstrap::default(), &Stream::new(0, "test")).unwrap();
        Noise {
            env: "half-cheetah-vel".into(),
            model: model.into(),
            seed,
            iteration: 50,
            inner_lr: 0.1,
            before: 99.0,
            returns,
            refused: 0,
            variation,
        }
    }

    #[test]
    fn seeds_of_a_model_are_drawn_beside_each_other() {
        let names = |all: &[Noise]| -> Vec<String> {
            let figures = figure_5(all, "");
            assert!(figures.iter().all(|figure| render_violins(figure).is_ok()));
            let groups = figures.into_iter().flat_map(|f| f.panels).flat_map(|p| p.groups);
            groups.flat_map(|group| group.violins).map(|violin| violin.name).collect()
        };
        assert_eq!(
            names(&[noise("hyper", 0, 1.0), noise("context", 0, 1.0)]),
            ["hyper", "context"]
        );
        let two = [noise("hyper", 0, 1.0), noise("hyper", 1, 1.0)];
        assert_eq!(names(&two), ["hyper, seed 0", "hyper, seed 1"]);
        assert!(figure_5(&[], "").is_empty());
    }

    #[test]
    fn five_seeds_decide_which_updates_differ_less() {
        let verdict = |seeds: u64, [context, hyper]: [f64; 2]| {
            let of = |seed| [noise("context", seed, context), noise("hyper", seed, hyper)];
            answer(&(0..seeds).flat_map(of).collect::<Vec<_>>()).evidence.verdict()
        };
        assert_eq!(verdict(5, [90.0, 0.1]), Verdict::Holds);
        assert_eq!(verdict(5, [0.1, 90.0]), Verdict::Fails);
        assert_eq!(verdict(5, [1.0, 1.0]), Verdict::Undecided);
        assert_eq!(verdict(4, [90.0, 0.1]), Verdict::Undecided);
        assert_eq!(verdict(0, [1.0, 1.0]), Verdict::NotTested);
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
