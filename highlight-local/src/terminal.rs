//! What the program's commands print with.

pub use crate::timeline::{Paint, Style, clean, cut, duration, plural};
