//! Is every figure a legible picture of its data?

use hyperl::report::{
    Axis, Figure, Point, Series, YRange, render_curves, render_html, render_violins, theme,
};

use crate::support::figures::{
    cosine_figure, figures, learnable_figure, page, single_seed_figure, wiggle,
};
use crate::support::svg::{assert_well_formed, attributes};
use crate::support::violins::violin_figures;

/// With `FIGURES=folder`, leaves what the tests draw there, to be looked at.
#[test]
fn figures_can_be_looked_at() {
    let Ok(folder) = std::env::var("FIGURES") else { return };
    let write =
        |name: &str, text: String| std::fs::write(format!("{folder}/{name}"), text).unwrap();
    for (name, figure) in figures() {
        write(&format!("{name}.svg"), render_curves(&figure).unwrap());
    }
    for (name, figure) in violin_figures() {
        write(&format!("{name}.svg"), render_violins(&figure).unwrap());
    }
    write("page.html", render_html(&page()).unwrap());
}

#[test]
fn every_svg_is_well_formed_small_and_described() {
    let mut drawn: Vec<(&str, String)> = Vec::new();
    for (name, figure) in figures() {
        drawn.push((name, render_curves(&figure).unwrap()));
    }
    for (name, svg) in drawn {
        assert_well_formed(&svg);
        assert!(svg.len() < 200_000, "{name} has {} bytes", svg.len());
        assert_eq!(svg.matches("<title>").count(), 1, "{name}");
        assert_eq!(svg.matches("<desc>").count(), 1, "{name}");
        assert!(
            svg.contains("font-family=\"sans-serif\""),
            "{name} names a font we cannot count on"
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
    }
}

#[test]
fn markup_in_titles_is_text() {
    let mut figure = single_seed_figure();
    figure.title = "a < b & \"c\"".to_owned();
    let svg = render_curves(&figure).unwrap();
    assert_well_formed(&svg);
    assert!(svg.contains("<title>a &lt; b &amp; &quot;c&quot;</title>"));
}

#[test]
fn every_series_and_reference_is_labelled() {
    for (name, figure) in figures() {
        let svg = render_curves(&figure).unwrap();
        for series in figure.series_names() {
            assert!(svg.contains(&*theme::model_label(series)), "{name} lacks {series}");
        }
        for reference in figure.panels.iter().flat_map(|panel| &panel.references) {
            assert!(svg.contains(&format!("{}\n</text>", reference.label)), "{name}");
        }
    }
}

#[test]
fn lines_that_end_together_get_one_legend_outside_the_data() {
    let label = |svg: &str, text: &str| svg.matches(&format!(">\n{text}\n</text>")).count();
    let apart = render_curves(&cosine_figure()).unwrap();
    assert_eq!(label(&apart, "SA-Hyper"), 2, "one label at each end of line");
    let together = render_curves(&learnable_figure()).unwrap();
    assert_eq!(label(&together, "SA-Hyper"), 1, "one entry of the legend");
    let legend = together.find(">\nSA-Hyper\n").unwrap();
    let place = &together[..legend][together[..legend].rfind("<text ").unwrap()..];
    let y: f64 = attributes(&format!("{place}>"), "text", "y")[0].parse().unwrap();
    let grid: Vec<String> = attributes(&together, "line", "y1");
    let top = grid.iter().map(|y| y.parse::<f64>().unwrap()).fold(f64::MAX, f64::min);
    assert!(y + 60.0 < top, "legend at {y}, data from {top}");
}

#[test]
fn gaps_are_not_bridged() {
    let with = |values: &[f64]| {
        let points = values.iter().enumerate().map(|(k, &y)| Point::new(k as f64, y));
        let mut figure = single_seed_figure();
        figure.panels[0].series = vec![Series::line("sa-hyper", points.collect(), 5)];
        render_curves(&figure).unwrap()
    };
    let paths = |svg: &str| -> Vec<usize> {
        let points = attributes(svg, "polyline", "points");
        points.iter().map(|path| path.split_whitespace().count()).collect()
    };
    let nan = f64::NAN;
    assert_eq!(paths(&with(&[1., 2., 3., 4., 5., 6.])), [6]);
    assert_eq!(paths(&with(&[1., 2., nan, 4., 5., 6.])), [2, 3]);
    assert_eq!(paths(&with(&[1., 2., nan, 4., nan, 6.])), [2], "single points are no lines");
    let circles = attributes(&with(&[nan, nan, 3., nan]), "circle", "cx");
    assert!(!circles.is_empty(), "a single point is shown");
}

#[test]
fn thinning_keeps_extremes_and_gaps() {
    let points = (0..20_000).map(|k| {
        let y = match k {
            7_003 => 9_000.0,
            12_001..12_500 => f64::NAN,
            _ => wiggle(k),
        };
        Point::new(k as f64, y)
    });
    let mut figure = single_seed_figure();
    figure.panels[0].y = Axis::new("y", "").with_range(-1000.0, 9000.0);
    figure.panels[0].series = vec![Series::line("sa-hyper", points.collect(), 5)];
    let svg = render_curves(&figure).unwrap();
    assert!(svg.len() < 30_000, "{}", svg.len());
    let paths: Vec<String> = attributes(&svg, "polyline", "points");
    let paths: Vec<&String> = paths.iter().filter(|path| path.len() > 200).collect();
    assert_eq!(paths.len(), 2, "the gap splits the line");
    let top = attributes(&svg, "line", "y1").iter().map(|y| y.parse::<i32>().unwrap()).min();
    let highest =
        paths[0].split_whitespace().map(|p| p.split_once(',').unwrap().1.parse::<i32>().unwrap());
    assert_eq!(highest.min(), top, "the spike reaches the upper edge");
}

#[test]
fn nothing_is_drawn_outside_a_fixed_range() {
    let mut figure = single_seed_figure();
    figure.panels[0].y = Axis::new("y", "").with_range(2000.0, 4000.0);
    let svg = render_curves(&figure).unwrap();
    let grid: Vec<i32> =
        attributes(&svg, "line", "y1").iter().map(|y| y.parse().unwrap()).collect();
    let (top, bottom) = (grid.iter().min().unwrap(), attributes(&svg, "line", "y2"));
    let bottom = bottom.iter().map(|y| y.parse::<i32>().unwrap()).max().unwrap();
    let paths = attributes(&svg, "polyline", "points");
    // Two points are a sample in the legend.
    for path in paths.iter().filter(|path| path.split_whitespace().count() > 2) {
        for place in path.split_whitespace() {
            let y: i32 = place.split_once(',').unwrap().1.parse().unwrap();
            assert!((*top..=bottom).contains(&y), "{y} outside {top}..{bottom}");
        }
    }
}

#[test]
fn a_model_looks_the_same_in_every_figure() {
    let looks: Vec<_> = theme::models().map(|name| theme::model_style(name).unwrap()).collect();
    for (index, a) in looks.iter().enumerate() {
        for b in &looks[..index] {
            assert_ne!(a.color, b.color, "{} and {}", a.label, b.label);
            assert_ne!(a.marker, b.marker, "{} and {}", a.label, b.label);
        }
    }
    let sa_hyper = theme::model_style("sa-hyper").unwrap();
    assert!(looks.iter().all(|look| look.width <= sa_hyper.width));
    for (name, figure) in figures() {
        let svg = render_curves(&figure).unwrap();
        let strokes = attributes(&svg, "polyline", "stroke");
        let color = sa_hyper.color.to_hex();
        assert!(strokes.contains(&color), "{name}: {color} not among {strokes:?}");
    }
    // Dashes follow the model too: the MLP's long dashes, SA-Hyper's unbroken line.
    let svg = render_curves(&cosine_figure()).unwrap();
    let line_of = |color: &str| {
        svg.lines().find(|l| l.starts_with("<polyline") && l.contains(color)).unwrap()
    };
    let mlp = theme::model_style("mlp-standard").unwrap();
    assert!(line_of(&mlp.color.to_hex()).contains("stroke-dasharray=\"90 35\""));
    assert!(!line_of(&sa_hyper.color.to_hex()).contains("stroke-dasharray"));
}

#[test]
fn panels_that_share_a_range_put_zero_at_the_same_height() {
    let zeros = |figure: &Figure| {
        let svg = render_curves(figure).unwrap();
        let lines =
            svg.lines().filter(|line| line.starts_with("<line") && line.contains("#A0A0A0"));
        lines.map(|line| attributes(line, "line", "y1")[0].clone()).collect::<Vec<_>>()
    };
    let mut figure = cosine_figure();
    figure.panels[1].series[0].points[3].low = -0.9;
    let shared = zeros(&figure);
    assert_eq!(shared.len(), 2);
    assert_eq!(shared[0], shared[1]);
    figure.y_range = YRange::PerPanel;
    let own = zeros(&figure);
    assert_ne!(own[0], own[1]);
}

#[test]
fn a_single_seed_says_so() {
    let svg = render_curves(&single_seed_figure()).unwrap();
    assert!(svg.contains("SA-Hyper (n = 1)"));
    assert!(!render_curves(&cosine_figure()).unwrap().contains("n = 1"));
}

#[test]
fn points_at_one_moment_stand_side_by_side() {
    let circles = |xs: [f64; 2]| -> Vec<f64> {
        let mut figure = single_seed_figure();
        let names = ["sa-hyper", "sa-hyper, again"];
        let series = names.iter().zip(xs).map(|(name, x)| {
            let point = Point { x, y: 0.5, low: 0.4, high: 0.6 };
            Series::line(*name, vec![point], 5)
        });
        figure.panels[0].series = series.collect();
        let svg = render_curves(&figure).unwrap();
        let bars = attributes(&svg, "line", "x1").into_iter().zip(attributes(&svg, "line", "x2"));
        let upright = bars.filter(|(from, to)| from == to).map(|(x, _)| x.parse().unwrap());
        // Those of the error bars come last; before them those of the grid, one for each tick.
        upright.collect()
    };
    let one = circles([1000.0, 1000.0]);
    assert_eq!(one.len(), 3, "one tick and two bars: {one:?}");
    let [tick, bars @ ..] = &one[..] else { unreachable!() };
    assert!((bars[0] - bars[1]).abs() > 100.0, "{one:?}");
    assert!((f64::midpoint(bars[0], bars[1]) - tick).abs() < 1.5, "{one:?}");
    assert!(circles([1000.0, 2000.0]).len() > 4, "two moments have an axis");
}

#[test]
fn senseless_figures_are_refused_in_words() {
    let message = |change: &dyn Fn(&mut Figure)| {
        let mut figure = single_seed_figure();
        change(&mut figure);
        render_curves(&figure).unwrap_err().to_string()
    };
    insta::assert_snapshot!(message(&|f| f.panels.clear()), @"figure: 'Return while training': expected 1 to 4 panels, got 0; split the figure");
    insta::assert_snapshot!(message(&|f| f.panels[0].series[1].points.reverse()), @"figure: 'Return while training': panel '': series 'as-hyper' does not increase in x; sort it and keep one point per x");
    insta::assert_snapshot!(message(&|f| f.panels[0].y.range = Some((1.0, 1.0))), @"figure: 'Return while training': panel '': the vertical axis has the range [1, 1]; expected low < high");
    insta::assert_snapshot!(message(&|f| f.panels[0].series[2].name = "sa-hyper".to_owned()), @"figure: 'Return while training': panel '': series 'sa-hyper' stands twice; give each its own name");
}
