//! Files of `PyTorch`, which hold pickles and code: both are read, neither is executed here.
//!
//! | file | what it holds |
//! |---|---|
//! | `pickle.rs`, `pickle_code.rs`, `pickle_machine.rs` | a machine that reads pickles and executes nothing |
//! | `archive.rs`, `torch_file.rs`, `storage.rs`, `tensor.rs` | zip archives, files of `torch.save`, their tensors |
//! | `script.rs`, `script_code.rs`, `script_names.rs` | what a `TorchScript` file may hold before `PyTorch` sees it |
//!
//! Whatever is not understood is refused, never passed over.

pub(crate) mod archive;
pub(crate) mod pickle;
pub(crate) mod pickle_code;
pub(crate) mod pickle_machine;
pub(crate) mod script;
mod script_code;
mod script_names;
pub(crate) mod storage;
pub(crate) mod tensor;
#[cfg(test)]
mod tests;
pub(crate) mod torch_file;
