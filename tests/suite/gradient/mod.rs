//! Is the gradient that is measured the one that is there?

mod oracle;
mod pearl;
mod real_design;
