//! Does a figure of distributions show every value, at its place, in the colour of its model?

use std::collections::BTreeSet;

use hyperl::report::{Axis, Violin, ViolinFigure, render_violins, theme};
use hyperl::rng::Stream;

use crate::support::svg::{assert_well_formed, attributes};
use crate::support::violins::{full_figure, odd_figure, one, violin, violin_figures};

/// How many dots are drawn, and where.
fn dots(svg: &str) -> Vec<(i64, i64)> {
    let circles =
        svg.lines().filter(|line| line.starts_with("<circle ") && line.contains("r=\"16\""));
    let number =
        |line: &str, name: &str| -> i64 { attributes(line, "circle", name)[0].parse().unwrap() };
    circles.map(|line| (number(line, "cx"), number(line, "cy"))).collect()
}

/// Corners of every body; the patches of the legend are boxes, square markers have four corners.
fn bodies(svg: &str) -> Vec<Vec<(i64, i64)>> {
    let place = |text: &str| {
        let (x, y) = text.split_once(',').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    };
    let polygons = attributes(svg, "polygon", "points");
    let corners = polygons.iter().map(|points| points.split_whitespace().map(place).collect());
    corners.filter(|corners: &Vec<_>| corners.len() > 10).collect()
}

#[test]
fn every_violin_figure_is_well_formed_small_and_described() {
    for (name, figure) in violin_figures() {
        let svg = render_violins(&figure).unwrap();
        assert_well_formed(&svg);
        assert!(svg.len() < 200_000, "{name} has {} bytes", svg.len());
        assert_eq!(svg.matches("<title>").count(), 1, "{name}");
        assert_eq!(svg.matches("<desc>").count(), 1, "{name}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
        assert_eq!(svg, render_violins(&figure).unwrap(), "the same data, the same picture");
    }
}

#[test]
fn every_value_is_a_dot_and_every_spread_a_body() {
    for (name, figure) in violin_figures() {
        let svg = render_violins(&figure).unwrap();
        let groups = figure.panels.iter().flat_map(|panel| &panel.groups);
        let violins: Vec<&Violin> = groups.flat_map(|group| &group.violins).collect();
        let values: usize = violins.iter().map(|violin| violin.values.len()).sum();
        assert_eq!(dots(&svg).len(), values, "{name}");
        let spread = |violin: &&&Violin| violin.values.iter().any(|x| *x != violin.values[0]);
        assert_eq!(bodies(&svg).len(), violins.iter().filter(spread).count(), "{name}");
        let before = violins.iter().filter(|violin| violin.before.is_some()).count();
        let dashed = svg.matches("stroke-dasharray").count();
        assert_eq!(dashed, before + usize::from(before > 0), "{name}: one more in the legend");
        let median = |text: &str| svg.matches(&format!(">\n{text}\n</text>")).count();
        assert_eq!(median("median"), 1, "{name}");
        assert_eq!(median("before the update"), usize::from(before > 0), "{name}");
    }
}

#[test]
fn models_groups_panels_and_axes_are_named() {
    for (name, figure) in violin_figures() {
        let svg = render_violins(&figure).unwrap();
        let count = |text: &str| svg.matches(&format!(">\n{text}\n</text>")).count();
        let lowest_row = if figure.panels.len() == 4 { 2 } else { figure.panels.len() };
        assert_eq!(count("iteration"), lowest_row, "{name}");
        assert!(count("return") >= 1, "{name}");
        let mut models = BTreeSet::new();
        for panel in &figure.panels {
            assert!(panel.title.is_empty() || count(&panel.title) == 1, "{name}");
            models.extend(panel.groups.iter().flat_map(|g| &g.violins).map(|v| v.name.as_str()));
        }
        for model in models {
            assert_eq!(count(&theme::model_label(model)), 1, "{name}: {model} in the legend");
        }
    }
    let svg = render_violins(&full_figure()).unwrap();
    for label in ["150", "450"] {
        assert!(svg.matches(&format!(">\n{label}\n</text>")).count() >= 4, "{label} in each panel");
    }
    assert!(render_violins(&odd_figure()).unwrap().contains(">\nn/a\n</text>"));
}

#[test]
fn a_body_is_mirrored_and_dots_stay_inside_it() {
    let mut stream = Stream::new(3, "violins");
    let values: Vec<f64> = (0..80).map(|_| 10.0 + stream.normal().exp()).collect();
    let svg = render_violins(&one(vec![violin("hyper", values, None)])).unwrap();
    let [body] = bodies(&svg).try_into().unwrap();
    let (low, high) =
        body.iter().fold((i64::MAX, i64::MIN), |(l, h), &(x, _)| (l.min(x), h.max(x)));
    let middle = f64::midpoint(low as f64, high as f64);
    for (right, left) in body.iter().zip(body.iter().rev()) {
        assert_eq!(right.1, left.1, "both edges at one height");
        assert!(((right.0 + left.0) as f64 - 2.0 * middle).abs() <= 2.0, "{right:?} {left:?}");
    }
    let ends = |places: &[(i64, i64)]| {
        (places.iter().map(|p| p.1).min().unwrap(), places.iter().map(|p| p.1).max().unwrap())
    };
    let dots = dots(&svg);
    assert_eq!(ends(&dots), ends(&body), "the body ends where the values end");
    assert!(dots.iter().all(|&(x, _)| low < x && x < high));
    assert!(dots.iter().any(|&(x, _)| (x as f64) < middle - 50.0), "dots spread sideways");
    assert!(dots.iter().any(|&(x, _)| (x as f64) > middle + 50.0), "to both sides");
}

#[test]
fn equal_values_are_a_tick_at_their_height() {
    // 100 and 40 are ticks of the axis, so grid lines tell where medians belong.
    let figure =
        one(vec![violin("hyper", vec![100.0; 50], None), violin("context", vec![40.0], None)]);
    let svg = render_violins(&figure).unwrap();
    assert!(bodies(&svg).is_empty());
    let height = |stroke: &str| -> Vec<i64> {
        let lines = svg.lines().filter(|l| l.starts_with("<line ") && l.contains(stroke));
        lines.map(|l| attributes(l, "line", "y1")[0].parse().unwrap()).collect()
    };
    let (grid, medians) = (height("#E6E6E6"), height("#222222"));
    assert_eq!(medians.len(), 2);
    assert!(medians.iter().all(|y| grid.contains(y)), "{medians:?} not in {grid:?}");
    assert_eq!(dots(&svg).iter().filter(|dot| dot.1 == medians[0]).count(), 50);
}

#[test]
fn nothing_is_drawn_outside_a_fixed_range_of_values() {
    let mut figure = full_figure();
    figure.panels.truncate(1);
    figure.y = Axis::new("return", "").with_range(0.0, 400.0);
    let svg = render_violins(&figure).unwrap();
    let grid: Vec<i64> =
        attributes(&svg, "line", "y1").iter().map(|y| y.parse().unwrap()).collect();
    let (top, bottom) = (*grid.iter().min().unwrap(), *grid.iter().max().unwrap());
    let inside = |y: i64| (top - 1..=bottom + 1).contains(&y);
    assert!(bodies(&svg).iter().flatten().all(|place| inside(place.1)));
    assert!(dots(&svg).iter().all(|place| inside(place.1)));
}

#[test]
fn meta_policies_look_the_same_everywhere_and_unlike_each_other() {
    let looks: Vec<_> =
        theme::meta_models().map(|name| theme::model_style(name).unwrap()).collect();
    assert_eq!(looks.len(), 8);
    for (index, a) in looks.iter().enumerate() {
        for b in &looks[..index] {
            assert_ne!(a.color, b.color, "{} and {}", a.label, b.label);
            assert_ne!(a.marker, b.marker, "{} and {}", a.label, b.label);
        }
    }
    assert!(theme::models().all(|critic| theme::meta_models().all(|meta| meta != critic)));
    let label = |name: &'static str| theme::model_label(name).into_owned();
    let labels = ["vanilla", "context", "hyper", "hyper-multi-task", "hyper-pearl"].map(label);
    let expected = ["MAML", "Context-MAML", "Hyper-MAML", "Multi-Task Hyper", "Hyper-PEARL"];
    assert_eq!(labels, expected);
    let svg = render_violins(&full_figure()).unwrap();
    for name in ["hyper", "context"] {
        let color = theme::model_style(name).unwrap().color.to_hex();
        let filled = attributes(&svg, "polygon", "fill").iter().filter(|c| **c == color).count();
        assert!(filled >= 16, "{name}: {filled} bodies in its colour");
    }
}

#[test]
fn senseless_violins_are_refused_in_words() {
    let message = |change: &dyn Fn(&mut ViolinFigure)| {
        let mut figure = one(vec![violin("hyper", vec![1.0, 2.0], None)]);
        change(&mut figure);
        render_violins(&figure).unwrap_err().to_string()
    };
    insta::assert_snapshot!(message(&|f| f.panels.clear()), @"figure: 'Returns after one update': expected 1 to 4 panels, got 0; split the figure");
    insta::assert_snapshot!(message(&|f| f.panels[0].groups.clear()), @"figure: 'Returns after one update': panel '': there is no violin; give at least one group with one violin");
    insta::assert_snapshot!(message(&|f| f.panels[0].groups[0].violins[0].values.push(f64::NAN)), @"figure: 'Returns after one update': panel '': 'hyper' has a value that is not finite; drop it");
    insta::assert_snapshot!(message(&|f| f.panels[0].groups[0].violins.push(violin("hyper", vec![], None))), @"figure: 'Returns after one update': panel '': 'hyper' stands twice in group '50'; merge them");
    insta::assert_snapshot!(message(&|f| f.y.label.clear()), @"figure: 'Returns after one update': the vertical axis has no label; name what it shows");
}
