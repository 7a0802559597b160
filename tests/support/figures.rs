//! Figures, tables and a page like those an analysis makes.

use hyperl::report::{
    Appendix, Axis, Cell, Column, Figure, Headline, Page, PageFigure, Panel, Point, Reference,
    Section, Series, Table, Verdict, YRange, render_curves, theme,
};
use hyperl::stats::Estimate;

/// A repeatable wiggle in [-1, 1].
pub(crate) fn wiggle(k: usize) -> f64 {
    let x = (k as f64 * 12.9898).sin() * 43_758.545;
    2.0 * (x - x.floor()) - 1.0
}

/// Cosine that rises to `level`, every 10K steps up to `steps`.
pub(crate) fn cosine_points(level: f64, half: f64, salt: usize) -> Vec<Point> {
    (0..=20)
        .map(|k| {
            let x = 10_000.0 * k as f64;
            let y = level * (1.0 - (-(k as f64) / 6.0).exp()) + 0.015 * wiggle(k + salt);
            Point { x, y, low: y - half, high: y + half }
        })
        .collect()
}

pub(crate) fn cosine_panel(title: &str, levels: [f64; 3], salt: usize) -> Panel {
    let names = ["sa-hyper", "as-hyper", "mlp-standard"];
    let series = names.iter().zip(levels).enumerate().map(|(index, (name, level))| {
        Series::line(*name, cosine_points(level, 0.04 + 0.01 * index as f64, salt + 31 * index), 5)
    });
    Panel {
        title: title.to_owned(),
        x: Axis::new("environment steps", ""),
        y: Axis::new("mean cosine similarity", ""),
        series: series.collect(),
        references: vec![Reference::band("chance", -0.03, 0.03), Reference::level("ceiling", 0.62)],
    }
}

pub(crate) fn cosine_figure() -> Figure {
    Figure {
        title: "Direction of the critic's action gradient against the simulator's".to_owned(),
        subtitle:
            "TD3, 5 seeds, 150 states a checkpoint; band: 95 % interval, jackknife over states"
                .to_owned(),
        description: "SA-Hyper lies above the others".to_owned(),
        panels: vec![
            cosine_panel("Hopper", [0.52, 0.34, 0.22], 0),
            cosine_panel("HalfCheetah", [0.41, 0.31, 0.12], 100),
        ],
        y_range: YRange::Shared,
    }
}

pub(crate) fn learnable_figure() -> Figure {
    let curve = |power: f64| -> Vec<Point> {
        (0..=100)
            .map(|k| {
                let tau = f64::from(k) / 100.0;
                let y = (100.0 * (1.0 - tau.powf(power)) * 0.9).max(0.0);
                let half = 196.0 * (y / 100.0 * (1.0 - y / 100.0) / 150.0).sqrt();
                Point { x: tau, y, low: (y - half).max(0.0), high: (y + half).min(100.0) }
            })
            .collect()
    };
    let chance: Vec<Point> = (0..=100)
        .map(|k| {
            let tau = f64::from(k) / 100.0;
            Point::new(tau, 50.0 * (1.0 - tau).powf(1.4))
        })
        .collect();
    Figure {
        title: "Learnable states".to_owned(),
        subtitle: "Hopper, 100K steps, 5 seeds, 150 states; band: 95 % Wilson interval".to_owned(),
        description: "d".to_owned(),
        panels: vec![Panel {
            x: Axis::new("threshold τ of the cosine similarity", "").with_range(0.0, 1.0),
            y: Axis::new("states above τ", "%").with_range(0.0, 100.0),
            series: vec![
                Series::step("sa-hyper", curve(2.2), 150).with_outer(11.0),
                Series::step("as-hyper", curve(1.1), 150),
                Series::step("mlp-standard", curve(0.7), 150),
            ],
            references: vec![Reference::curve("chance", chance)],
            ..Panel::default()
        }],
        y_range: YRange::PerPanel,
    }
}

pub(crate) fn return_panel(title: &str, top: f64, names: &[&str], n: usize) -> Panel {
    let series = names.iter().enumerate().map(|(index, name)| {
        let points = (0..=200).map(|k| {
            let x = 5_000.0 * f64::from(k);
            let reach = top * (1.0 - 0.13 * index as f64);
            let y = reach * (x / (x + 1.5e5)) + 0.04 * top * wiggle(k as usize + 997 * index);
            let half = if n > 1 { 0.07 * top } else { f64::NAN };
            Point { x, y, low: y - half, high: y + half }
        });
        Series::line(*name, points.collect(), n)
    });
    Panel {
        title: title.to_owned(),
        x: Axis::new("environment steps", ""),
        y: Axis::new("episode return", ""),
        series: series.collect(),
        references: vec![],
    }
}

pub(crate) fn single_seed_figure() -> Figure {
    Figure {
        title: "Return while training".to_owned(),
        subtitle: "TD3 on HalfCheetah, one seed each, 10 evaluation episodes every 5K steps"
            .to_owned(),
        description: "d".to_owned(),
        panels: vec![return_panel("", 10_000.0, &["sa-hyper", "as-hyper", "mlp-standard"], 1)],
        y_range: YRange::PerPanel,
    }
}

pub(crate) fn grid_figure() -> Figure {
    let names: Vec<&str> = theme::models().collect();
    Figure {
        title: "Return while training, all nine models".to_owned(),
        subtitle: "TD3, 5 seeds; band: ± one standard deviation over seeds".to_owned(),
        description: "d".to_owned(),
        panels: vec![
            return_panel("Hopper", 3_400.0, &names, 5),
            return_panel("Walker2d", 5_400.0, &names, 5),
            return_panel("HalfCheetah", 11_400.0, &names, 5),
            return_panel("Ant", 4_600.0, &names, 5),
        ],
        y_range: YRange::PerPanel,
    }
}

/// Gaps, an isolated point, a missing series, negative values.
pub(crate) fn odd_figure() -> Figure {
    let mut gappy = cosine_points(0.4, 0.05, 3);
    for k in [5, 6, 7, 12, 14] {
        gappy[k].y = f64::NAN;
    }
    let missing = cosine_points(0.2, 0.05, 4).into_iter().map(|p| Point { y: f64::NAN, ..p });
    let single = vec![Point { x: 100_000.0, y: -0.2, low: -0.35, high: -0.05 }];
    let few = |level: f64| -> Vec<Point> {
        [0.0, 100_000.0, 200_000.0]
            .iter()
            .map(|&x| Point {
                x,
                y: level * x / 1e5 - 400.0,
                low: level * x / 1e5 - 480.0,
                high: level * x / 1e5 - 330.0,
            })
            .collect()
    };
    Figure {
        title: "Data as they come: gaps, a single checkpoint, nothing at all, and returns below zero".to_owned(),
        subtitle: "a subtitle that is long enough to be broken into two lines because it tells the environment, the steps, the seeds, the states, the rollouts, the horizon and what the band is".to_owned(),
        description: "d".to_owned(),
        panels: vec![
            Panel {
                title: "Walker2d".to_owned(),
                x: Axis::new("environment steps", ""),
                y: Axis::new("mean cosine similarity", ""),
                series: vec![
                    Series::line("sa-hyper", gappy, 5),
                    Series::line("mlp-standard", missing.collect(), 5),
                    Series::line("as-hyper", single, 5),
                    Series::line("finite differences", cosine_points(0.25, 0.02, 9), 5),
                ],
                references: vec![Reference::band("chance", -0.03, 0.03)],
            },
            Panel {
                title: "HalfCheetah-Vel".to_owned(),
                x: Axis::new("environment steps", ""),
                y: Axis::new("episode return", ""),
                series: vec![
                    Series::line("sa-hyper", few(130.0), 3),
                    Series::line("as-hyper", few(100.0), 3),
                    Series::line("mlp-standard", few(90.0), 3),
                ],
                references: vec![],
            },
        ],
        y_range: YRange::PerPanel,
    }
}

pub(crate) fn score_table() -> Table {
    let mut table = Table::new([
        Column::new("model", ""),
        Column::new("mean cosine", ""),
        Column::new("train time", "s"),
    ]);
    table.rows = vec![
        vec![
            Cell::text("SA-Hyper"),
            Cell::Interval(Estimate { value: 0.2134, low: 0.1471, high: 0.2797, n: 150 }),
            Cell::Number { value: 140.26, digits: 3 },
        ],
        vec![
            Cell::text("MLP | \"old\""),
            Cell::Interval(Estimate { value: -0.05, low: f64::NAN, high: f64::NAN, n: 1 }),
            Cell::Missing,
        ],
    ];
    table
}

pub(crate) fn page() -> Page {
    let svg = render_curves(&cosine_figure()).unwrap();
    Page {
        title: "Gradient accuracy".to_owned(),
        sections: vec![
            Section {
                title: "Figure 3d".to_owned(),
                claim: "SA-Hyper's gradients point better than the MLP's.".to_owned(),
                verdict: Verdict::Holds,
                reason: "The paired difference is above zero on p < 0.05.".to_owned(),
                answer: String::new(),
                headline: Some(Headline {
                    label: "difference of mean cosine".to_owned(),
                    estimate: Estimate { value: 0.121, low: 0.062, high: 0.18, n: 150 },
                    unit: String::new(),
                }),
                figures: vec![PageFigure {
                    file: "cosine.svg".to_owned(),
                    alt: "SA-Hyper above MLP".to_owned(),
                    svg,
                }],
                table: Some(score_table()),
                appendices: vec![
                    Appendix { title: "Each run".to_owned(), table: score_table(), folded: false },
                    Appendix {
                        title: "All <checkpoints>".to_owned(),
                        table: score_table(),
                        folded: true,
                    },
                ],
                warnings: vec!["`hopper`: 3 of 15 states are left out".to_owned()],
                how_measured: "With `Nr = 15` rollouts.\n\nStates: on policy.".to_owned(),
                does_not_show: "Whether a better gradient trains faster.".to_owned(),
                command: "hyperl-analyze report analyses/fig03-cosine.toml".to_owned(),
                files: vec!["cosine.csv".to_owned(), "provenance.toml".to_owned()],
                provenance: vec![("seed".to_owned(), "0".to_owned())],
            },
            Section {
                title: "Figure 5".to_owned(),
                claim: "MAML updates are noisy.".to_owned(),
                reason: "No checkpoint of MAML yet.".to_owned(),
                ..Section::default()
            },
        ],
    }
}

pub(crate) fn figures() -> Vec<(&'static str, Figure)> {
    vec![
        ("cosine", cosine_figure()),
        ("learnable", learnable_figure()),
        ("single-seed", single_seed_figure()),
        ("grid", grid_figure()),
        ("odd", odd_figure()),
    ]
}
