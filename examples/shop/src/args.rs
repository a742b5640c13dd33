//! The command line.

use clap::Parser;

/// A storefront and a payments service, tied to the browser sessions that use them.
///
/// Plays a few browsers, prints the timeline of their sessions, and goes on serving. It reports to the server
/// that `HIGHLIGHT_OTLP_ENDPOINT` names, or else to a receiver of its own.
#[derive(Debug, Parser)]
pub struct Args {
    /// End after one round, with status 0 only if everything sent has arrived, correlated
    #[arg(long, conflicts_with = "serve")]
    pub once: bool,

    /// Only serve, until SIGTERM or ctrl-c
    #[arg(long)]
    pub serve: bool,

    /// The storefront's port; 0 takes a free one [default: 3000, with --once a free one]
    #[arg(long, env)]
    port: Option<u16>,

    /// Show what arrives as pages, on this port of the loopback interface; 0 takes a free one [without a number: 4319]
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "4319", conflicts_with = "once")]
    pub viewer: Option<u16>,

    /// The project to report to
    #[arg(long, env = "HIGHLIGHT_PROJECT_ID", default_value = "1")]
    pub project_id: String,
}

impl Args {
    /// One round needs no port that anybody knows, so two of them can run side by side.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.once { 0 } else { 3000 })
    }
}
