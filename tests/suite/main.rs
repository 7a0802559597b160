//! The one integration binary: what each module holds is said in its first line.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop at the first surprise")]

mod fixtures_stats;
mod house_rules;
mod native_libraries;
