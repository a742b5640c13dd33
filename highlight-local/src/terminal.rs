//! What the program's commands print with.

pub use crate::{
    chain::Chain,
    timeline::{Paint, Style, clean, cut, duration, plural},
};
