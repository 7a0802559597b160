//! What can be measured, one measure a file.

pub(crate) mod compare_critics;
pub mod cosine;
pub(crate) mod diagnose;
pub mod gradient_cosine;
pub(crate) mod kept;
pub(crate) mod maml_adaptation;
pub(crate) mod maml_noise;
pub(crate) mod pearl_cosine;
pub(crate) mod played;
pub mod policy_cosine;
pub(crate) mod promise;
pub mod returns;
pub(crate) mod subject;
pub mod task_gap;
pub(crate) mod value_error;
pub mod weights;
