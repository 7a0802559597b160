//! What can be measured, one measure a file.

pub mod runtime;
