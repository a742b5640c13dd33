//! The options of the pages.

use std::path::PathBuf;

use clap::Args;
use highlight_local::{
    StartError, api,
    archive::Archive,
    viewer::{Sources, Viewer},
};

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The port that pages and commands read from; 0 takes a free one. Always on the loopback interface.
    /// Default: the one after `--port`, so 4319; of `--port 0`, a free one.
    #[arg(long, env = "HIGHLIGHT_LOCAL_VIEWER_PORT")]
    viewer_port: Option<u16>,

    /// Source files below this directory are shown beside a stack's frames; can be given several times.
    /// Default: the workspace that the current directory is in.
    #[arg(long, value_name = "DIR")]
    source_root: Vec<PathBuf>,
}

impl Show {
    /// Serves the pages; the port is the one that telemetry comes to.
    pub(crate) fn start(&self, archive: &Archive, port: u16) -> Result<api::Server, StartError> {
        let sources = match self.source_root.as_slice() {
            [] => Sources::from_workspace(),
            roots => Sources::below(roots),
        };
        let next = if port == 0 { 0 } else { port.wrapping_add(1) };
        let port = self.viewer_port.unwrap_or(next);
        Viewer::new(archive).sources(sources).start(port)
    }
}
