//! Realised against promised improvement: the answer, a table, a figure (`docs/estimator.md` §8.4).

use serde_json::json;

use super::direction::whose;
use super::figure::{Axis, Panel, Point, Reference, Series};
use super::finding::Finding;
use super::numbers::{fixed, interval, short};
use super::tables::{Cell, Table};
use super::text;
use super::theme::{env_label, model_label};
use crate::analysis::measure::policy_cosine::Whose;
use crate::analysis::measure::promise::Promised;
use crate::gradient::promise::{Along, Kept};
use crate::gradient::{Settings, StatesFrom};
use crate::stats::resample::jackknife;
use crate::stats::{Estimate, LEVEL, summary};

/// Bins of a figure.
const BINS: usize = 8;

/// Says in one sentence how a critic keeps its promises.
fn answer(promised: &Promised) -> String {
    let Promised { own, random, .. } = promised;
    let percent = |share: Estimate| {
        let [value, low, high] = [share.value, share.low, share.high].map(|x| fixed(100.0 * x, 0));
        format!("{value} % [{low}, {high}]")
    };
    let own = match own.kept {
        kept if kept.low > 2.0 => {
            format!("the real improvement is {} times the promised one", interval(&kept))
        }
        kept if kept.low > 0.0 => format!("{} of the promised improvement is real", percent(kept)),
        kept if kept.high < 0.0 => format!("a step along it makes things worse: {}", percent(kept)),
        kept if kept.value.is_nan() => {
            "it promises nothing: its gradient is 0, or the actor cannot move".to_owned()
        }
        kept => format!("whether any of the promise is real cannot be told: {}", percent(kept)),
    };
    let random = match random.kept {
        kept if kept.low > 2.0 => format!("{} times", interval(&kept)),
        kept => percent(kept),
    };
    format!("{}: {own}; along random directions {random}.", whose(&promised.whose))
}

pub(crate) fn answers(all: &[Promised]) -> Vec<String> {
    all.iter().map(answer).collect()
}

/// Returns the numbers that a page has room for, one line for each checkpoint.
pub(crate) fn table(all: &[Promised]) -> Table {
    let row = |promised: &Promised| {
        let Promised { whose, horizon, own, random, .. } = promised;
        let Whose { env, model, seed, step, .. } = whose;
        vec![
            ("critic", Cell::text(format!("{env} {model} s{seed}"))),
            ("step", Cell::text(short(*step as f64))),
            ("states", Cell::text(random.states)),
            ("kept", Cell::Interval(own.kept)),
            ("slope", Cell::Interval(own.slope)),
            ("kept, random", Cell::Interval(random.kept)),
            ("slope, random", Cell::Interval(random.slope)),
            ("horizon", Cell::text(horizon)),
        ]
    };
    Table::of_named(all.iter().map(row))
}

/// Returns what was measured, a line for each state and direction.
fn promises(all: &[Promised]) -> Table {
    let names = [
        "environment",
        "critic",
        "seed",
        "step",
        "state",
        "episode",
        "along",
        "promised",
        "realised",
    ];
    let row = |promised: &Promised, kept: &Kept| {
        let Whose { env, model, seed, step, .. } = &promised.whose;
        vec![
            Cell::text(env),
            Cell::text(model),
            Cell::text(seed),
            Cell::text(step),
            Cell::text(kept.state),
            kept.episode.map_or(Cell::Missing, Cell::text),
            Cell::text(kept.along),
            Cell::number(kept.promised),
            Cell::number(kept.realised),
        ]
    };
    let each =
        all.iter().flat_map(|promised| promised.kept.iter().map(move |kept| (promised, kept)));
    Table::of(names, each.map(|(promised, kept)| row(promised, kept)))
}

/// Returns realised over promised improvement of one checkpoint, in bins of equally many states.
fn panel(promised: &Promised) -> Panel {
    let Whose { env, model, seed, step, .. } = &promised.whose;
    let binned = |along: Along| {
        let kept = promised.kept.iter();
        let mut there: Vec<[f64; 2]> = kept
            .filter(|kept| kept.along == along)
            .map(|kept| [kept.promised.abs(), kept.realised * kept.promised.signum()])
            .collect();
        there.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let size = there.len().div_ceil(BINS).max(1);
        let point = |bin: &[[f64; 2]]| {
            let [promised, realised] =
                [0, 1].map(|i: usize| bin.iter().map(|kept| kept[i]).collect::<Vec<f64>>());
            let mean = jackknife(&realised, summary::mean, LEVEL);
            Point::estimate(summary::mean(&promised), &mean)
        };
        let mut points: Vec<Point> = there.chunks(size).map(point).collect();
        points.dedup_by(|b, a| b.x <= a.x);
        let name = match along {
            Along::Own => "along its own direction",
            Along::Random => "along a random direction",
        };
        Series::line(name, points, there.len())
    };
    let series = Along::ALL.into_iter().map(binned);
    let series: Vec<Series> = series.filter(|s| !s.points.is_empty()).collect();
    let most = series.iter().flat_map(|s| &s.points).map(|p| p.x).fold(0.0, f64::max);
    let diagonal = vec![Point::new(0.0, 0.0), Point::new(most.max(f64::MIN_POSITIVE), most)];
    Panel {
        title: format!(
            "{}, {} s{seed}, {} steps",
            env_label(env),
            model_label(model),
            short(*step as f64)
        ),
        x: Axis::new("promised", "return"),
        y: Axis::new("realised", "return"),
        series,
        references: vec![Reference::curve("all of it", diagonal)],
    }
}

pub(crate) fn finding(all: &[Promised], settings: &Settings) -> Finding {
    let visited = settings.source() == StatesFrom::Replay;
    let values =
        json!({ "std": settings.std, "seed": settings.seed, "bins": BINS, "visited": visited });
    Finding {
        subtitle: "difference of return between both sides of the policy's action, by what the critic says of it; \
                   bands: 95 %"
            .into(),
        panels: all.iter().map(panel).collect(),
        files: vec![("summary.csv", table(all)), ("promises.csv", promises(all))],
        table: Some(table(all)),
        warnings: all.iter().filter_map(warning).collect(),
        method: text::method(include_str!("text/promise.md"), values),
        ..Finding::default()
    }
}

fn warning(promised: &Promised) -> Option<String> {
    let Promised { whose: critic, own, random, .. } = promised;
    let (all, silent) = (random.states, random.states.saturating_sub(own.states));
    (silent > 0).then(|| {
        format!("{}: at {silent} of {all} states the critic promises nothing", whose(critic))
    })
}
