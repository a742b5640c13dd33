//! Commands that do more than ask.

pub(crate) mod run;
