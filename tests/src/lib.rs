//! What every integration must do: a table of scenarios x frameworks, over real sockets, judged on what the server would store.
//!
//! ```text
//! cargo run -p conformance                     # the table
//! cargo run -p conformance -- --markdown       # the same, without running it, as docs/conformance.md
//! cargo test -p conformance --test cells       # one test per cell: `axum::panic`, `tower::headers::two_members`, ...
//! ```
//!
//! Each [cell] has a receiver, a client and a server of its own, so cells run alone or all at once.
//!
//! - To add a scenario, write one function and add its row to a table in [`scenario`].
//! - To add a framework, implement [`Framework`] and add it to [`frameworks`].
//!
//! `C§n` is paragraph n of `docs/contract.md` in the repository.

pub mod case;
pub mod cell;
pub mod connection;
pub mod framework;
pub mod handler;
pub mod process;
pub mod scenario;
pub mod stored;
pub mod table;
pub mod wire;
pub mod workspace;

pub use self::{
    framework::{Framework, frameworks},
    scenario::{Scenario, Verdict, groups, scenarios},
};

/// The snippets of the documents, compiled.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/browser.md")]
    struct Browser;
    #[doc = include_str!("../../docs/migrating.md")]
    struct Migrating;
    #[doc = include_str!("../../docs/self-hosting.md")]
    struct SelfHosting;
}
