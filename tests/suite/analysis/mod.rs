//! Are analyses those that they say they are?

mod weights;
