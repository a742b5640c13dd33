//! One cell of the table: a framework, with a receiver and a client of its own.

use std::{future::Future, time::Duration};

use anyhow::{Context, Result};
use highlight::{Client, Config, http::ServerOptions};
use highlight_local::Receiver;
use tokio::runtime::Handle;

use crate::{
    Framework,
    framework::{Neighbour, Service, Setup},
    handler::{Arrival, Declined, Failure, Reply, handler},
    stored::Stored,
    wire::{Answer, Request},
};

/// How long anything may take before it counts as hanging.
pub const HANG: Duration = Duration::from_secs(120);

/// The session of [`Cell::answer`]'s request.
pub const SESSION: &str = "WnjGsMDLJ0vZTjMUZrTFYaSjbGqA";
/// Its request id, as a browser without OpenTelemetry sends it.
pub const REQUEST: &str = "9k2hTq81Lx";
/// A request id as a browser with OpenTelemetry sends it: a W3C trace id.
pub const W3C: &str = "0af7651916cd43dd8448eb211c80319c";

/// The name of the cell's service.
pub const SERVICE: &str = "shop";

/// What a scenario works with.
#[derive(Debug)]
pub struct Cell {
    framework: &'static dyn Framework,
    receiver: Receiver,
    config: fn(Config) -> Config,
    client: Client,
    /// Clients of further services.
    others: Vec<Client>,
    options: ServerOptions,
    neighbour: Option<Neighbour>,
}

impl Cell {
    pub(crate) fn new(framework: &'static dyn Framework, config: fn(Config) -> Config) -> Result<Self> {
        let receiver = Receiver::start(0)?;
        let client = client(&receiver, config, SERVICE)?;
        let options = ServerOptions::default();
        Ok(Self { framework, receiver, config, client, others: Vec::new(), options, neighbour: None })
    }

    /// The column.
    #[must_use]
    pub fn framework(&self) -> &'static dyn Framework {
        self.framework
    }

    /// Serves with these options.
    #[must_use]
    pub fn options(mut self, options: ServerOptions) -> Self {
        self.options = options;
        self
    }

    /// Serves with one more middleware.
    #[must_use]
    pub fn neighbour(mut self, neighbour: Neighbour) -> Self {
        self.neighbour = Some(neighbour);
        self
    }

    /// Where the cell's service reports.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Starts a server whose requests `serve` answers.
    pub async fn serve<F, Fut>(&self, serve: F) -> Result<Service>
    where
        F: Fn(Arrival) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply, Declined>> + Send + 'static,
    {
        self.serve_for(self.client.clone(), serve).await
    }

    /// The same as a service of another name, with a client of its own.
    pub async fn serve_as<F, Fut>(&mut self, name: &str, serve: F) -> Result<Service>
    where
        F: Fn(Arrival) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply, Declined>> + Send + 'static,
    {
        let client = client(&self.receiver, self.config, name)?;
        self.others.push(client.clone());
        self.serve_for(client, serve).await
    }

    /// The same with a handler that returns errors of any type.
    pub async fn serve_failing<F, Fut, E>(&self, serve: F) -> Result<Service>
    where
        F: Fn(Arrival) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply, E>> + Send + 'static,
        E: Into<Failure>,
    {
        self.serve_for(self.client.clone(), serve).await
    }

    async fn serve_for<F, Fut, E>(&self, client: Client, serve: F) -> Result<Service>
    where
        F: Fn(Arrival) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply, E>> + Send + 'static,
        E: Into<Failure>,
    {
        let options = self.options.clone();
        let setup = Setup { client, handler: handler(serve), options, neighbour: self.neighbour };
        self.framework.serve(setup).await
    }

    /// The whole of most scenarios: one request from the browser, answered by `serve`. What was stored is to be judged.
    pub async fn answer<F, Fut>(self, serve: F) -> Result<(Answer, Stored)>
    where
        F: Fn(Arrival) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply, Declined>> + Send + 'static,
    {
        self.answer_to(&Request::from_browser(SESSION, REQUEST), serve).await
    }

    /// The same with another request.
    pub async fn answer_to<F, Fut>(self, request: &Request, serve: F) -> Result<(Answer, Stored)>
    where
        F: Fn(Arrival) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply, Declined>> + Send + 'static,
    {
        let service = self.serve(serve).await?;
        let answer = service.answer(request).await?;
        Ok((answer, self.stored([service]).await?))
    }

    /// Stops the servers, delivers everything, and reads what was stored. The books must balance.
    pub async fn stored(self, services: impl IntoIterator<Item = Service>) -> Result<Stored> {
        for service in services {
            service.stop().await?;
        }
        nothing_runs().await;
        let clients = std::iter::once(&self.client).chain(&self.others);
        let mut stats = Vec::new();
        for client in clients {
            client.flush_async(HANG).await.context("delivering what was recorded")?;
            stats.push(client.stats());
        }
        let stored = Stored::new(self.framework, self.receiver.store().snapshot(), &stats);
        stored.books_balance()?;
        Ok(stored)
    }
}

/// A server may stop a moment before its last connection is dropped, and with it what that connection still held.
async fn nothing_runs() {
    let metrics = Handle::current().metrics();
    while metrics.num_alive_tasks() > 0 {
        tokio::task::yield_now().await;
    }
}

fn client(receiver: &Receiver, config: fn(Config) -> Config, name: &str) -> Result<Client> {
    let config = config(Config::new("1")).endpoint(receiver.endpoint()).service_name(name);
    Client::new(config).context("starting a client")
}
