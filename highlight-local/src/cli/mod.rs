//! Commands that do more than ask.

pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod mcp;
pub(crate) mod run;
