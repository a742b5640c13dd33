//! What runs under callgrind.

use std::{hint::black_box, time::Duration};

use crate::limits::LIMITS;
use axum::Router;
use benches::{Request, Shape, request};
use highlight::{Config, parse_headers};
use highlight_axum::HighlightLayer;
use tower::util::MapRequestLayer;
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// The argument by which the command tells itself to be one of these.
pub(crate) const SERVE: &str = "serve";

/// One kind of process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) setup: Setup,
    pub(crate) shape: Shape,
}

/// What is in front of the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    /// Nothing, and no subscriber.
    Bare,
    /// An empty registry with a level filter.
    Registry,
    /// A layer that does nothing, and no subscriber: what axum takes for any.
    Layer,
    /// `init` and the layer.
    Highlight,
    /// The same, with `enabled(false)`.
    Disabled,
    /// The same, with `sample_rate(0.0)`.
    SampledOut,
    /// No app: requests are made and thrown away.
    NoApp,
    /// No app: the headers are read.
    Headers,
}

impl Program {
    pub(crate) const fn new(name: &'static str, setup: Setup, shape: Shape) -> Self {
        Self { name, setup, shape }
    }

    /// The program of that name in the budget.
    pub(crate) fn named(name: &str) -> Self {
        LIMITS.iter().map(|limit| limit.program).find(|program| program.name == name).unwrap()
    }

    /// The same without what is measured.
    pub(crate) fn baseline(self) -> Option<Self> {
        Some(Self::named(match (self.setup, self.shape) {
            (Setup::Bare | Setup::NoApp, _) => return None,
            (Setup::Headers, _) => "no app",
            (Setup::Highlight, Shape::Rejected(_)) => "span",
            (_, Shape::Log | Shape::User | Shape::Metric) => "bare",
            _ => "bare, no span",
        }))
    }

    pub(crate) fn serve(self, requests: u64, endpoint: &str) {
        let run = |mut serve: Box<dyn FnMut(Request)>| (0..requests).for_each(|n| serve(request(n)));
        let router = self.shape.router();
        let app = |app: Router| {
            let mut app = benches::at_server(app);
            run(Box::new(move |request| benches::serve(&mut app, request)));
        };
        let with_highlight = |configure: fn(Config) -> Config| {
            // Only full batches leave, and at the end the rest: nothing depends on the clock.
            let config = Config::new("1").endpoint(endpoint).console(false);
            let config = config.export_interval(Duration::from_secs(3600));
            let guard = highlight::init(configure(config)).unwrap();
            let mut app = benches::at_server(router.clone().layer(HighlightLayer::new()));
            for n in 0..requests {
                benches::serve(&mut app, request(n));
                // Under callgrind one thread runs at a time, and the one that exports may wait for long.
                if guard.stats().queued > 10_000 {
                    guard.flush(Duration::from_secs(60)).unwrap();
                }
            }
            let client = guard.client().clone();
            drop(guard);
            assert_eq!(client.stats().dropped.queue_full, 0);
        };
        match self.setup {
            Setup::Bare => app(router),
            Setup::Registry => {
                tracing_subscriber::registry().with(LevelFilter::INFO).init();
                app(router);
            }
            Setup::Layer => app(router.layer(MapRequestLayer::new(|request: Request| request))),
            Setup::Highlight => with_highlight(|config| config),
            Setup::Disabled => with_highlight(|config| config.enabled(false)),
            Setup::SampledOut => with_highlight(|config| config.sample_rate(0.0)),
            Setup::NoApp => run(Box::new(|request| drop(black_box(request)))),
            Setup::Headers => run(Box::new(|request| drop(black_box(parse_headers(request.headers()))))),
        }
    }
}
