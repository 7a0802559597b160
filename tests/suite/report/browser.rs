//! Is a page what a reader expects, in a real browser?

use std::path::Path;
use std::process::Command;

use hyperl::report::{Cell, Column, Page, Section, Table, render_html};
use serde_json::{Value, json};

use crate::support::figures::page;

/// What a reader saw who opened a page as a file and used all that is on it.
fn seen(html: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a page.html");
    std::fs::write(&file, html).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/browser/page.py");
    let browser = Command::new("python3").arg(script).arg(&file).output().unwrap();
    assert!(browser.status.success(), "{}", String::from_utf8_lossy(&browser.stderr));
    let seen: Value = serde_json::from_slice(&browser.stdout).unwrap();
    assert_eq!(seen["complaints"], json!([]));
    // Nothing but the page itself is loaded.
    let requests = seen["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert!(requests[0].as_str().unwrap().ends_with("a%20page.html"));
    seen
}

/// A number as pages show it; NaN if there is none.
fn number(text: &str) -> f64 {
    text.replace('−', "-").parse().unwrap_or(f64::NAN)
}

/// Nine rows: two environments, three steps.
fn table() -> Table {
    let mut table = Table::new(
        ["environment", "step", "κ", "note", "inside"].map(|name| Column::new(name, "")),
    );
    let numbers = [0.5, -0.25, 10.0, f64::NAN, 2.0, 1e-6, -3.0, 0.0, 100.0];
    for (i, number) in numbers.into_iter().enumerate() {
        table.rows.push(vec![
            Cell::text(if i % 2 == 0 { "Hopper" } else { "Ant" }),
            Cell::text(["10K", "20K", "1M"][i % 3]),
            if number.is_nan() { Cell::Missing } else { Cell::number(number) },
            Cell::text(format!("run {}", 9 - i)),
            if i % 3 == 0 { Cell::text("unresolved") } else { Cell::number(number / 4.0) },
        ]);
    }
    table
}

#[test]
fn tables_sort_and_filter_and_a_slider_goes_through_the_steps() {
    let section = Section { title: "Runs".into(), table: Some(table()), ..Section::default() };
    let page = Page { title: "A <page>".into(), sections: vec![section] };
    let seen = seen(&render_html(&page).unwrap());
    assert_eq!(seen["title"], "A <page>");
    let table = &seen["tables"][0];
    let sorted = |column: usize| &table["sorted"][column];
    assert_eq!(sorted(2)[0], "κ");
    let texts = |column: usize, click: usize| {
        let texts = sorted(column)[1][click][1].as_array().unwrap();
        texts.iter().map(|text| number(text.as_str().unwrap())).collect::<Vec<f64>>()
    };
    let expected = [-3.0, -0.25, 0.0, 1e-6, 0.5, 2.0, 10.0, 100.0];
    assert_eq!(sorted(2)[1][0][0], "ascending");
    assert_eq!(texts(2, 0)[..8], expected);
    assert!(texts(2, 0)[8].is_nan(), "what is missing stands last");
    let descending: Vec<f64> = expected.iter().rev().copied().collect();
    assert_eq!(sorted(2)[1][1][0], "descending");
    assert_eq!(texts(2, 1)[..8], descending);
    assert_eq!(sorted(2)[1][2][0], Value::Null, "a third click gives the page's own order back");
    assert_eq!(texts(2, 2)[..3], [0.5, -0.25, 10.0]);
    let tens = ["10K"; 3].iter().chain(&["20K"; 3]).chain(&["1M"; 3]).collect::<Vec<_>>();
    assert_eq!(sorted(1)[1][0][1], json!(tens));
    assert_eq!(sorted(3)[1][0][1][0], "run 1");
    // What is no number stands last among numbers.
    assert_eq!(texts(4, 0)[..6], [-0.0625, 0.0, 2.5e-7, 0.5, 2.5, 25.0]);
    assert!(texts(4, 0)[6..].iter().all(|number| number.is_nan()));
    assert_eq!(
        table["filtered"],
        json!([
            ["hopper", 5, "5 of 9"],
            ["HOPPER 20K", 1, "1 of 9"],
            ["nothing like it", 0, "0 of 9"],
            ["", 9, "9 of 9"]
        ])
    );
    let slid = table["slid"].as_array().unwrap();
    assert_eq!(slid.iter().map(|at| &at[0]).collect::<Vec<_>>(), ["all", "10K", "20K", "1M"]);
    assert_eq!(slid[2][1], json!(["Ant", "Hopper", "Ant"]));
    for view in ["desk light", "desk dark", "phone light", "phone dark"] {
        assert!(seen[view]["wider"].as_f64().unwrap() <= 0.0, "{view} scrolls sideways");
        assert_eq!(seen[view]["controls"], json!(["flex"]));
    }
    assert_eq!(seen["desk light"]["paper"], "rgb(255, 255, 255)");
    assert_eq!(seen["phone dark"]["paper"], "rgb(27, 27, 26)");
    assert_eq!(seen["print"]["paper"], "rgb(255, 255, 255)");
    assert_eq!(seen["print"]["controls"], json!(["none"]));
}

#[test]
fn a_report_has_its_figures_in_it_and_leads_to_its_numbers() {
    let seen = seen(&render_html(&page()).unwrap());
    let figures = seen["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 1);
    assert!(figures[0][0].as_f64().unwrap() > 300.0 && figures[0][1].as_f64().unwrap() > 200.0);
    assert_eq!(seen["links"], json!(["cosine.csv", "provenance.toml"]));
}
