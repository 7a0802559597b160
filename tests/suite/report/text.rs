//! Do numbers, tables and pages read well?

use hyperl::report::{
    Headline, Page, Point, Reference, ReferenceShape, Section, figure_table, fixed, interval,
    render_html, render_markdown, short, significant, to_json,
};
use hyperl::stats::Estimate;

use crate::support::figures::{figures, learnable_figure, page, score_table};
use crate::support::svg::assert_well_formed;

#[test]
fn numbers_read_well() {
    assert_eq!(
        [0.0, 950.0, 1500.0, 10_000.0, 999_999.9, 1e6, -2500.0].map(short),
        ["0", "950", "1.5K", "10K", "1M", "1M", "−2.5K"]
    );
    assert_eq!(
        [3418.2, 0.012_345, -12.345, 0.0, 2.5e-6].map(|v| significant(v, 3)),
        ["3418", "0.0123", "−12.3", "0", "2.50e−6"]
    );
    assert_eq!(significant(f64::NAN, 3), "–");
    assert_eq!(fixed(-0.001, 2), "0.00");
    let estimate = |value, low, high| Estimate { value, low, high, n: 7 };
    assert_eq!(interval(&estimate(0.2134, 0.1471, 0.2797)), "0.213 [0.147, 0.280]");
    assert_eq!(interval(&estimate(3418.3, 3100.7, 3735.9)), "3418 [3101, 3736]");
    assert_eq!(interval(&estimate(4.492, 1.99, f64::INFINITY)), "4.5 [2.0, ∞]");
    assert_eq!(
        interval(&estimate(0.5, f64::NAN, f64::NAN)),
        "0.500 (interval undetermined, n = 7)"
    );
    assert_eq!(interval(&estimate(f64::NAN, 0.0, 1.0)), "–");
}

#[test]
fn in_json_zero_has_no_sign_and_all_else_is_as_serde_writes_it() {
    let value = serde_json::json!({ "a": [0.1, -2.5e-9, 1e300], "b": {}, "c": [], "d": "-0.0", "e": ["a, -0.0"] });
    assert_eq!(to_json(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap());
    assert_eq!(to_json(&[-0.0, 0.0]).unwrap(), "[\n  0.0,\n  0.0\n]");
    assert_eq!(to_json(&f64::NAN).unwrap(), "null");
}

#[test]
fn tables_for_people_and_for_programs() {
    insta::assert_snapshot!(score_table().to_markdown().unwrap(), @r#"
    | model        |          mean cosine | train time (s) |
    | ------------ | -------------------: | -------------: |
    | SA-Hyper     | 0.213 [0.147, 0.280] |            140 |
    | MLP \| "old" |      −0.0500 (n = 1) |              – |
    "#);
    insta::assert_snapshot!(score_table().to_csv().unwrap(), @r#"
    model,mean cosine,mean cosine low,mean cosine high,mean cosine n,train time (s)
    SA-Hyper,0.2134,0.1471,0.2797,150,140.26
    "MLP | ""old""",-0.05,,,1,
    "#);
    let mut broken = score_table();
    broken.rows[1].pop();
    insta::assert_snapshot!(broken.to_csv().unwrap_err().to_string(), @"table: row 1 has 2 cells, expected 3; fill gaps with Cell::Missing");
}

#[test]
fn the_numbers_behind_a_figure_are_all_in_its_table() {
    for (name, figure) in figures() {
        let csv = figure_table(&figure).to_csv().unwrap();
        let mut lines = csv.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        let columns = "panel,series,x,y,low,high,n,outer low,outer high,kind";
        assert_eq!(header, columns.split(',').collect::<Vec<_>>(), "{name}");
        let mut wanted = Vec::new();
        for panel in &figure.panels {
            let mut row = |name: &str, point: Point, kind: &str| {
                let Point { x, y, low, high } = point;
                let number = |x: f64| if x.is_nan() { String::new() } else { x.to_string() };
                let numbers = [x, y, low, high].map(number).join(",");
                wanted.push((format!("{},{name},{numbers},", panel.title), kind.to_owned()));
            };
            for series in &panel.series {
                for point in &series.points {
                    row(&series.name, *point, "series");
                }
            }
            for Reference { label, shape } in &panel.references {
                let (nan, kind) = (f64::NAN, "reference");
                match shape {
                    ReferenceShape::Level(y) => row(label, Point::new(nan, *y), kind),
                    ReferenceShape::Band { low, high } => {
                        row(label, Point { x: nan, y: nan, low: *low, high: *high }, kind);
                    }
                    ReferenceShape::Curve(points) => {
                        for point in points {
                            row(label, *point, kind);
                        }
                    }
                }
            }
        }
        assert_eq!(csv.lines().count(), 1 + wanted.len(), "{name}");
        for (line, (start, end)) in lines.zip(&wanted) {
            assert!(line.starts_with(start) && line.ends_with(end), "{name}: {line} not {start}");
        }
    }
}

#[test]
fn the_band_of_a_whole_curve_stays_within_its_axis() {
    let mut figure = learnable_figure();
    figure.panels[0].series.truncate(1);
    figure.panels[0].references.clear();
    let csv = figure_table(&figure).to_csv().unwrap();
    let outer = |line: usize| -> Vec<f64> {
        let fields: Vec<&str> = csv.lines().nth(line).unwrap().split(',').collect();
        [3, 7, 8].map(|column| fields[column].parse().unwrap()).to_vec()
    };
    // 90 ± 11 and 0 ± 11, on an axis from 0 to 100.
    assert_eq!(outer(1), [90.0, 79.0, 100.0]);
    assert_eq!(outer(101), [0.0, 0.0, 11.0]);
}

#[test]
fn a_report_opens_with_the_answer() {
    insta::assert_snapshot!(render_markdown(&page()).unwrap(), @r#"
    # Gradient accuracy

    |           | claim                                             | verdict    | number                                          |
    | --------- | ------------------------------------------------- | ---------- | ----------------------------------------------- |
    | Figure 3d | SA-Hyper's gradients point better than the MLP's. | holds      | difference of mean cosine: 0.121 [0.062, 0.180] |
    | Figure 5  | MAML updates are noisy.                           | not tested | –                                               |

    ## Figure 3d

    **Claim.** SA-Hyper's gradients point better than the MLP's.

    **Verdict: holds.** The paired difference is above zero on p < 0.05.

    **difference of mean cosine: 0.121 [0.062, 0.180]**

    ![SA-Hyper above MLP](cosine.svg)

    | model        |          mean cosine | train time (s) |
    | ------------ | -------------------: | -------------: |
    | SA-Hyper     | 0.213 [0.147, 0.280] |            140 |
    | MLP \| "old" |      −0.0500 (n = 1) |              – |

    ### Each run

    | model        |          mean cosine | train time (s) |
    | ------------ | -------------------: | -------------: |
    | SA-Hyper     | 0.213 [0.147, 0.280] |            140 |
    | MLP \| "old" |      −0.0500 (n = 1) |              – |

    <details><summary>All &lt;checkpoints&gt;</summary>

    | model        |          mean cosine | train time (s) |
    | ------------ | -------------------: | -------------: |
    | SA-Hyper     | 0.213 [0.147, 0.280] |            140 |
    | MLP \| "old" |      −0.0500 (n = 1) |              – |

    </details>

    ### Warnings

    - `hopper`: 3 of 15 states are left out

    ### How it was measured

    With `Nr = 15` rollouts.

    States: on policy.

    ### What it does not show

    Whether a better gradient trains faster.

    ### Make it again

    ```sh
    hyperl-analyze report analyses/fig03-cosine.toml
    ```

    The numbers: [cosine.csv](cosine.csv), [provenance.toml](provenance.toml)

    ### Provenance

    - seed: 0

    ## Figure 5

    **Claim.** MAML updates are noisy.

    **Verdict: not tested.** No checkpoint of MAML yet.
    "#);
}

#[test]
fn without_a_claim_there_is_no_verdict() {
    let plain = |title: &str| Section {
        title: title.to_owned(),
        headline: Some(Headline {
            label: "mean".to_owned(),
            estimate: Estimate { value: 0.5, low: 0.4, high: 0.6, n: 15 },
            unit: String::new(),
        }),
        ..Section::default()
    };
    let page = |sections: Vec<Section>| Page { title: "Given runs".to_owned(), sections };
    let alone = page(vec![plain("one"), plain("two")]);
    insta::assert_snapshot!(render_markdown(&alone).unwrap(), @r#"
    # Given runs

    |     | number                  |
    | --- | ----------------------- |
    | one | mean: 0.50 [0.40, 0.60] |
    | two | mean: 0.50 [0.40, 0.60] |

    ## one

    **mean: 0.50 [0.40, 0.60]**

    ## two

    **mean: 0.50 [0.40, 0.60]**
    "#);
    let html = render_html(&alone).unwrap();
    let body = &html[html.find("<body>").unwrap()..];
    for absent in ["laim", "erdict", "not tested"] {
        assert!(!body.contains(absent), "{absent}");
    }

    let claimed = Section { claim: "It is so.".to_owned(), ..plain("three") };
    let mixed = page(vec![plain("one"), claimed]);
    let markdown = render_markdown(&mixed).unwrap();
    let row = |title: &str| {
        let start = format!("| {title} ");
        markdown.lines().find(|line| line.starts_with(&start)).unwrap().to_owned()
    };
    assert!(row("three").contains("It is so.") && row("three").contains("not tested"));
    assert!(!row("one").contains("not tested"), "{}", row("one"));
    assert_eq!(markdown.matches("**Claim.**").count(), 1);
    assert_eq!(markdown.matches("**Verdict: not tested.**").count(), 1);
}

#[test]
fn the_page_is_self_contained() {
    let html = render_html(&page()).unwrap();
    assert_eq!(html.matches("<script").count(), 1);
    for loaded in ["<script ", "import(", "fetch(", "<link", "<img", "src=", "url(", "@import"] {
        assert!(!html.contains(loaded), "{loaded}");
    }
    let order = [
        "gradients point better",
        "holds</span>",
        "0.121 [0.062, 0.180]",
        "<svg ",
        "<table>",
        "<h3>Each run</h3>",
        "<details><summary>All &lt;checkpoints&gt;</summary>",
        "<li><code>hopper</code>: 3 of 15",
        "How it was measured",
        "What it does not show",
        "hyperl-analyze report",
    ];
    let section = &html[html.find("<section>").unwrap()..];
    let places: Vec<usize> = order.iter().map(|part| section.find(part).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(section.contains("p &lt; 0.05") && section.contains("<code>Nr = 15</code>"));
    let body = &html[html.find("<body>").unwrap()..html.find("<script>").unwrap()];
    assert_well_formed(&format!("{body}</body>"));
}
