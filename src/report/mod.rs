//! Figures, tables and pages from plain data.
//!
//! Files that are named for a measure read its results. The others know nothing of algorithms, environments or
//! checkpoints: they are given a [`Figure`], a [`ViolinFigure`], a [`Table`] or a [`Page`], and return text (SVG,
//! Markdown, CSV, HTML), which the caller writes to a file.
//!
//! | file | what it holds |
//! |---|---|
//! | `theme.rs` | a model has one colour, marker, dash and label everywhere |
//! | `numbers.rs` | 10K, significant digits, "mean [low, high]" |
//! | `figure.rs`, `curves.rs`, `panel.rs` | curves as data; their layout; the drawing of a panel |
//! | `violins.rs`, `violin.rs` | distributions as data and their layout; the drawing of a panel |
//! | `tables.rs`, `json.rs` | Markdown and CSV; JSON |
//! | `page.rs`, `text.rs`, `text/` | the report: claim, verdict, number, figure, table, method, limits; templates of pages and of their sentences |
//! | `study.rs`, `view.rs`, `groups.rs`, `returns.rs` | from rows of results to curves |
//! | `learnable.rs` | shares of states above a threshold, beside chance and an exactly right critic |
//! | `tasks.rs` | the same in tasks; training against test |
//! | `undefined.rs` | warnings of NaN and infinite returns, which none of these count |
//! | `returns_method.rs` | all that is shown of returns, and how they are measured |
//! | `scores.rs` | final and highest returns of several runs, beside the paper's; their normalisation |
//! | `update_noise.rs`, `adaptation.rs` | MAML: noise of updates (Fig. 5, Table 1); steps of adaptation |
//! | `task_gap.rs` | PEARL in tasks that it was not trained on |
//! | `weights/` | from measured networks to histograms, distances and a verdict |
//! | `self_test.rs` | known answers beside what was found; how often intervals cover |
//! | `finding.rs` | what a measure found, as a section of a page, with the verdict on the claim |
//! | `direction.rs` | what κ says of a critic, in a word and in a sentence |
//! | `claim.rs` | what differences between models say about a claim |
//! | `printed_claims.rs` | what the paper's own tables say of its claims |
//! | `axis.rs`, `canvas.rs`, `geometry.rs`, `header.rs`, `labels.rs` | what all figures need |

pub(crate) mod adaptation;
pub(crate) mod audit;
mod axis;
mod canvas;
pub(crate) mod claim;
pub(crate) mod compare_critics;
pub(crate) mod cosine;
mod cosine_method;
mod curves;
pub(crate) mod direction;
mod figure;
pub(crate) mod finding;
mod gate;
mod geometry;
mod groups;
mod header;
pub(crate) mod hyper_parameters;
mod json;
mod labels;
mod learnable;
mod numbers;
mod page;
mod panel;
pub(crate) mod played;
pub(crate) mod policy_cosine;
pub(crate) mod printed_claims;
pub(crate) mod promise;
pub(crate) mod returns;
pub(crate) mod returns_method;
pub mod scores;
pub(crate) mod self_test;
pub(crate) mod study;
mod tables;
pub(crate) mod task_gap;
pub(crate) mod tasks;
pub(crate) mod text;
pub mod theme;
pub(crate) mod undefined;
pub(crate) mod update_noise;
pub(crate) mod value_error;
mod view;
mod violin;
mod violins;
pub(crate) mod weights;

pub use curves::render_curves;
pub(crate) use figure::MAX_PANELS;
pub use figure::{
    Axis, Figure, Panel, Point, Reference, ReferenceShape, Series, SeriesKind, YRange,
};
pub(crate) use gate::{gate_junit, gate_markdown, verdict_label};
pub use json::to_json;
pub use numbers::{fixed, interval, short, significant};
pub use page::{
    Appendix, Headline, Page, PageFigure, Section, Verdict, render_html, render_markdown,
};
pub use tables::{Cell, Column, Table, figure_table};
pub use violin::{Violin, ViolinGroup, ViolinPanel};
pub use violins::{ViolinFigure, render_violins};
