//! What can be measured, one measure a file.

pub mod gradient_cosine;
pub mod runtime;
