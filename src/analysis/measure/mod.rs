//! What can be measured, one measure a file.

pub mod compare_critics;
pub mod diagnose;
pub mod gradient_cosine;
pub mod learnable;
pub mod maml_adaptation;
pub mod maml_noise;
pub mod measurable;
pub mod pearl_cosine;
pub mod task_gap;
pub mod weights;
