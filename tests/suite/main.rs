//! The one integration binary: each module asks one question.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests fail by panicking and are read, not documented"
)]

mod reports;
