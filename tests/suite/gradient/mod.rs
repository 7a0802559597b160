//! Is the gradient that is measured the one that is there?

mod least_squares;
mod linear_env;
mod oracle;
mod paired;
mod pearl;
mod perturb;
mod real_design;
mod uphill;
