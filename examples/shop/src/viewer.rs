//! `--viewer`: what has arrived, as pages.

use std::net::SocketAddr;

use anyhow::Context;
use highlight_local::{
    Receiver,
    api::Server,
    archive::Archive,
    viewer::{Sources, Viewer},
};

/// The pages, as long as this is there.
#[derive(Debug)]
pub struct Pages {
    server: Server,
    _archive: Archive,
}

impl Pages {
    pub fn of(receiver: &Receiver, port: u16) -> anyhow::Result<Self> {
        let archive = Archive::in_memory().start(&receiver.store())?;
        let viewer = Viewer::new(&archive).sources(Sources::from_workspace());
        let server = viewer.start(port).context("give --viewer a free port")?;
        Ok(Self { server, _archive: archive })
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }
}
