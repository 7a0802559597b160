//! Is what was saved read, and all else refused?

mod first_version;
mod lock;
mod manifest;
mod resume;
mod run_files;
mod run_tables;
