//! Are returns those that the world and the policy make?

mod company;
mod soft_returns;
mod twin;
