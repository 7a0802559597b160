//! The page of `hyperl-analyze compare-critics`: shares of learnable states, then the actor's weights.

use std::path::Path;

use serde::Serialize;

use crate::analysis::measure::compare_critics::Comparison;
use crate::analysis::measure::learnable::LearnableDifference;
use crate::analysis::summary::Interval;
use crate::checkpoint::Checkpoint;
use crate::cli::output::{versions, write_figures};
use crate::error::Result;
use crate::gradient::Settings;
use crate::report::text::{self, Method};
use crate::report::theme::{env_label, model_label};
use crate::report::{
    Axis, Cell, Column, Headline, Page, Panel, Point, Reference, Section, Series, Table, fixed,
};
use crate::stats::exceedance::{Larger, Stretch};

/// Every how many points of the curve the table has a row, beside τ = 0.25 and 0.75.
const TABLE_STEP: usize = 10;

/// What the page is made from.
pub(super) struct Findings<'f> {
    pub(super) found: &'f Comparison,
    pub(super) checkpoints: [&'f Checkpoint; 2],
    pub(super) settings: &'f Settings,
    pub(super) command: &'f str,
}

/// What the template about shares sees.
#[derive(Serialize)]
struct Shares<'s> {
    /// Half-width of the band for all τ.
    half_width: String,
    /// Where that band excludes 0.
    excluded: String,
    /// Names of the two critics.
    first: String,
    second: String,
    /// Runs that they are of; the first one's policy acts.
    policy: &'s str,
    against: &'s str,
    /// States with a usable gradient, of how many.
    usable: usize,
    states: usize,
    /// Action dimensions with room, on average, of how many.
    tried: String,
    dimensions: usize,
}

impl Findings<'_> {
    /// Writes the figure into `folder` and returns the page.
    pub(super) fn page(&self, folder: &Path) -> Result<Page> {
        let title = format!("Two critics under one policy: {} and {}", self.name(0), self.name(1));
        Ok(Page { title, sections: vec![self.shares(folder)?, self.weights()] })
    }

    /// Says where the simultaneous band excludes 0.
    pub(super) fn excluded(&self) -> String {
        let words = |s: &Stretch| {
            let name = self.name(match s.larger {
                Larger::First => 0,
                Larger::Second => 1,
            });
            let place = if s.from < s.to {
                format!("for τ from {:.2} to {:.2}", s.from, s.to)
            } else {
                format!("at τ = {:.2}", s.from)
            };
            format!("{name} is right in more states {place}")
        };
        let stretches = &self.found.learnable_curve.excludes_zero;
        if stretches.is_empty() {
            return "it holds 0 at every τ: no difference is shown".into();
        }
        format!("it excludes 0: {}", stretches.iter().map(words).collect::<Vec<_>>().join("; "))
    }

    /// A critic's name: its kind where that tells the two apart, which also gives it its colour.
    fn name(&self, critic: usize) -> String {
        let [first, second] = self.checkpoints.map(|c| c.config().model());
        if first != second {
            return model_label(&[first, second][critic]).to_string();
        }
        let run = [&self.found.policy, &self.found.against][critic];
        let again = critic == 1 && self.found.policy == self.found.against;
        if again { format!("{run}, again") } else { run.clone() }
    }

    /// The name of its line, by which the theme knows a kind of critic.
    fn series_name(&self, critic: usize) -> String {
        let kind = self.checkpoints[critic].config().model();
        if model_label(&kind) == self.name(critic) { kind } else { self.name(critic) }
    }

    fn difference_name(&self) -> String {
        if self.series_name(0) == self.name(0) {
            return "first − second".into(); // two names of runs are too long for a legend
        }
        format!("{} − {}", self.name(0), self.name(1))
    }

    /// The first section: in how many states each critic is right enough.
    fn shares(&self, folder: &Path) -> Result<Section> {
        let Self { found, settings, .. } = self;
        let curve = &found.learnable_curve;
        let title = "States whose gradient is right enough".to_owned();
        let subtitle = format!(
            "{}, policy and states of {}; {} states × {} rollouts; difference: darker band 95 % at one τ \
             (jackknife over states), paler band 95 % at all τ together (bootstrap over states)",
            env_label(&found.env),
            found.policy,
            found.states,
            settings.rollouts_of(self.action_dim())
        );
        let description = format!("{title}, {}. {subtitle}", self.difference_name());
        let panels = vec![self.both_panel(), self.difference_panel()];
        let headline = curve.farthest().map(|point| Headline {
            label: format!(
                "largest difference of shares, {}, at τ = {:.2}, with the band for all τ",
                self.difference_name(),
                point.tau
            ),
            estimate: point.band.over(found.states),
            unit: String::new(),
        });
        let Method { how_measured, does_not_show } = self.method_of_shares();
        Ok(Section {
            figures: write_figures(folder, (&title, &subtitle, &description), panels)?,
            title,
            headline,
            table: Some(self.share_table()),
            how_measured,
            does_not_show,
            ..Section::default()
        })
    }

    fn method_of_shares(&self) -> Method {
        let Comparison { policy, against, states, tried, learnable_curve, .. } = self.found;
        let [first, second] =
            self.checkpoints.map(|c| model_label(&c.config().model()).to_string());
        let values = Shares {
            half_width: fixed(learnable_curve.half_width, 3),
            excluded: self.excluded(),
            first,
            second,
            policy,
            against,
            usable: *states,
            states: self.settings.states,
            tried: fixed(*tried, 1),
            dimensions: self.action_dim(),
        };
        text::method("compare-critics.md", values)
    }

    fn action_dim(&self) -> usize {
        self.checkpoints[0].config().spec().action_dim
    }

    /// Both curves and chance against the threshold.
    fn both_panel(&self) -> Panel {
        let found = self.found;
        let points = |value: fn(&LearnableDifference) -> f64| -> Vec<Point> {
            found.learnable_curve.points.iter().map(|p| Point::new(p.tau, value(p))).collect()
        };
        Panel {
            title: "Both critics".into(),
            x: threshold_axis(),
            y: Axis::new("states with cosine > τ", "share").with_range(0.0, 1.0),
            series: vec![
                Series::step(self.series_name(0), points(|p| p.share), found.states),
                Series::step(self.series_name(1), points(|p| p.against_share), found.states),
            ],
            references: vec![Reference::curve("chance", points(|p| p.chance))],
        }
    }

    /// Their difference with both bands; the axis makes room for the wider one.
    fn difference_panel(&self) -> Panel {
        let curve = &self.found.learnable_curve;
        let points = curve
            .points
            .iter()
            .map(|p| Point::estimate(p.tau, &p.difference.over(self.found.states)));
        let step = Series::step(self.difference_name(), points.collect(), self.found.states);
        let farthest = curve.points.iter().fold(0.0_f64, |far, p| {
            let ends = [p.difference.low, p.difference.high, p.band.low, p.band.high];
            ends.into_iter().filter(|x| x.is_finite()).fold(far, |far, x| far.max(x.abs()))
        });
        // Up to the next tenth, the same on both sides of 0.
        let limit = (10.0 * farthest).ceil().clamp(1.0, 10.0) / 10.0;
        Panel {
            title: "Difference".into(),
            x: threshold_axis(),
            y: Axis::new("difference of shares", "").with_range(-limit, limit),
            series: vec![step.with_outer(curve.half_width)],
            references: vec![Reference::level("no difference", 0.0)],
        }
    }

    /// A row for each tenth of τ, and for the thresholds of the paper.
    fn share_table(&self) -> Table {
        let names = ["τ", &self.name(0), &self.name(1), "chance", "difference", "band for all τ"];
        let mut table = Table::new(names.map(|name| Column::new(name, "")));
        let points = &self.found.learnable_curve.points;
        let asked = |(i, p): &(usize, &LearnableDifference)| {
            i.is_multiple_of(TABLE_STEP) || self.found.learnable.contains(p)
        };
        for (_, p) in points.iter().enumerate().filter(asked) {
            table.rows.push(vec![
                Cell::number(p.tau),
                Cell::number(p.share),
                Cell::number(p.against_share),
                Cell::number(p.chance),
                Cell::Interval(p.difference.over(self.found.states)),
                Cell::Interval(p.band.over(self.found.states)),
            ]);
        }
        table
    }

    /// The second section: what the critics are worth to the actor.
    fn weights(&self) -> Section {
        let Method { how_measured, does_not_show } = text::method("policy-gradients.md", ());
        let found = self.found;
        let interval = |i: Interval| Cell::Interval(i.over(found.states));
        let rows = [
            (format!("cosine of the policy gradients, {}", self.name(0)), interval(found.cosine)),
            (
                format!("cosine of the policy gradients, {}", self.name(1)),
                interval(found.against_cosine),
            ),
            ("progress ratio cos²/cos²".into(), interval(found.progress_ratio)),
            ("error α of the first".into(), found.alpha.map_or(Cell::Missing, interval)),
            ("ratio of Proposition 1".into(), Cell::number(found.proposition_ratio)),
        ];
        let mut table = Table::new(["", "value [95 %]"].map(|name| Column::new(name, "")));
        table.rows = rows.map(|(name, cell)| vec![Cell::text(name), cell]).into();
        Section {
            title: "In the actor's weights".into(),
            headline: Some(Headline {
                label: "cos² of the first critic's policy gradient over that of the second".into(),
                estimate: found.progress_ratio.over(found.states),
                unit: String::new(),
            }),
            table: Some(table),
            warnings: warnings(found).into_iter().map(str::to_owned).collect(),
            how_measured,
            does_not_show,
            command: self.command.into(),
            provenance: versions(),
            ..Section::default()
        }
    }
}

/// What a reader should know before believing a number.
pub(super) fn warnings(found: &Comparison) -> Vec<&'static str> {
    let checks = [
        (
            found.progress_ratio.mean.is_finite(),
            "a ratio of progress needs both policy gradients to point uphill",
        ),
        (
            found.cosine.mean.is_finite(),
            "the true policy gradient is lost in noise; more --states or a shorter --horizon may resolve it",
        ),
    ];
    checks.into_iter().filter(|(fine, _)| !fine).map(|(_, warning)| warning).collect()
}

fn threshold_axis() -> Axis {
    Axis::new("threshold τ", "").with_range(0.0, 1.0)
}
