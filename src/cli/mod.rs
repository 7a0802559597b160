//! Flags → resolved config → run; the one place that prints.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the command line prints")]

pub mod analyze;
pub mod train;
