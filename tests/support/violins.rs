//! Figures of distributions like those an analysis makes.

use hyperl::report::{Axis, Violin, ViolinFigure, ViolinGroup, ViolinPanel, YRange};
use hyperl::rng::Stream;

pub(crate) fn violin(name: &str, values: Vec<f64>, before: Option<f64>) -> Violin {
    Violin { name: name.to_owned(), values, before }
}

pub(crate) fn group(label: &str, violins: Vec<Violin>) -> ViolinGroup {
    ViolinGroup { label: label.to_owned(), violins }
}

/// One panel with one group.
pub(crate) fn one(violins: Vec<Violin>) -> ViolinFigure {
    ViolinFigure {
        title: "Returns after one update".to_owned(),
        subtitle: "50 updates".to_owned(),
        description: "d".to_owned(),
        x: "iteration".to_owned(),
        y: Axis::new("return", ""),
        y_range: YRange::PerPanel,
        panels: vec![ViolinPanel { title: String::new(), groups: vec![group("50", violins)] }],
    }
}

/// What the paper's Fig. 5 holds: four environments, four iterations, two models, 50 updates.
pub(crate) fn full_figure() -> ViolinFigure {
    let mut stream = Stream::new(0, "violins");
    // Size and variance of the mean return in Table 1: Context-MAML's, Hyper-MAML's.
    let rows: [(&str, [[f64; 4]; 4]); 4] = [
        (
            "HalfCheetah-Fwd-Back",
            [
                [23.5, 11.3, 16.8, 73.9],
                [774., 2595., 1891., 3689.],
                [189., 386., 467., 520.],
                [26., 43., 96., 53.],
            ],
        ),
        (
            "HalfCheetah-Vel",
            [
                [-316., -288., -245., -192.],
                [122., 208., 520., 161.],
                [-249., -200., -177., -157.],
                [5., 1., 2., 2.],
            ],
        ),
        (
            "Ant-Fwd-Back",
            [[6., 11., 9., 16.], [3., 5., 12., 20.], [14., 30., 49., 71.], [1., 2., 6., 11.]],
        ),
        (
            "Ant-Vel",
            [[19., 8., 17., 26.], [52., 8., 109., 117.], [9., 9., 18., 25.], [5., 2., 2., 2.]],
        ),
    ];
    let mut drawn = |name: &str, mean: f64, variance: f64| {
        let values = (0..50).map(|_| mean + variance.sqrt() * stream.normal()).collect();
        violin(name, values, Some(mean - variance.sqrt()))
    };
    let panel = |(title, moments): (&str, [[f64; 4]; 4])| {
        let [context, context_variance, hyper, hyper_variance] = moments;
        let groups = ["50", "150", "300", "450"].iter().enumerate().map(|(k, label)| {
            let hyper = drawn("hyper", hyper[k], hyper_variance[k]);
            group(label, vec![hyper, drawn("context", context[k], context_variance[k])])
        });
        ViolinPanel { title: title.to_owned(), groups: groups.collect() }
    };
    ViolinFigure {
        title: "Return after one policy update, repeated 50 times from the same checkpoint"
            .to_owned(),
        subtitle: "dot: one update, mean of 2 evaluations on the test tasks; one seed".to_owned(),
        panels: rows.map(panel).into(),
        ..one(Vec::new())
    }
}

/// Data as they come: one update, equal returns, half equal ones, none, negative ones, other names.
pub(crate) fn odd_figure() -> ViolinFigure {
    let mut stream = Stream::new(1, "violins");
    let mut around = |mean: f64, n: usize| -> Vec<f64> {
        (0..n).map(|_| mean + 12.0 * stream.normal()).collect()
    };
    let mut half_equal = vec![-30.0; 6];
    half_equal.push(-55.0);
    let names = ["hyper", "context", "vanilla", "hyper-multi-task", "random policy"];
    let all = |values: [Vec<f64>; 5]| {
        names.iter().zip(values).map(|(name, v)| violin(name, v, Some(-62.0))).collect()
    };
    let first = ViolinPanel {
        title: "Ant-Vel".to_owned(),
        groups: vec![
            group("50", all([around(-40.0, 50), vec![-20.0; 9], vec![-35.0], vec![], half_equal])),
            group("an iteration with a long name", vec![violin("vanilla", around(-50.0, 5), None)]),
        ],
    };
    let second = ViolinPanel {
        title: "Ant-Fwd-Back".to_owned(),
        groups: vec![group("300", vec![violin("hyper", around(20.0, 200), Some(0.0))])],
    };
    ViolinFigure { panels: vec![first, second], ..one(Vec::new()) }
}

pub(crate) fn violin_figures() -> [(&'static str, ViolinFigure); 4] {
    let mut stream = Stream::new(2, "violins");
    let values: Vec<f64> = (0..50).map(|_| 300.0 + 40.0 * stream.normal()).collect();
    let single = one(vec![violin("vanilla", values, None)]);
    let mut three = full_figure();
    three.panels.truncate(3);
    three.y_range = YRange::Shared;
    [
        ("violins", full_figure()),
        ("violins-odd", odd_figure()),
        ("violins-single", single),
        ("violins-three", three),
    ]
}
