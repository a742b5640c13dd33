//! What is left of it all where the client is disabled, beside the same without us.
//!
//! ```sh
//! cargo bench -p benches --bench disabled
//! ```
//!
//! A process of its own, since `init` is what disables.

#![expect(clippy::unwrap_used, reason = "there is nobody to hand an error to")]

use std::io;

use benches::{Request, Shape, bench_requests};
use divan::{AllocProfiler, Bencher, black_box};
use futures_util::FutureExt;
use highlight::{Config, Level};
use highlight_axum::HighlightLayer;
use tower::util::MapRequestLayer;
use tracing::{info, info_span};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    let _highlight = highlight::init(Config::new("1").enabled(false).console(false)).unwrap();
    divan::main();
}

const SAMPLE: u32 = 1024;

/// A request through axum.
#[divan::bench_group(sample_size = SAMPLE)]
mod layer {
    use super::{Bencher, HighlightLayer, MapRequestLayer, Request, Shape, bench_requests};

    #[divan::bench]
    fn a_none(bencher: Bencher<'_, '_>) {
        bench_requests(bencher, Shape::Answer.router(), || ());
    }

    /// What axum takes for any.
    #[divan::bench]
    fn b_empty(bencher: Bencher<'_, '_>) {
        bench_requests(
            bencher,
            Shape::Answer.router().layer(MapRequestLayer::new(|request: Request| request)),
            || (),
        );
    }

    #[divan::bench]
    fn c_ours(bencher: Bencher<'_, '_>) {
        bench_requests(bencher, Shape::Answer.router().layer(HighlightLayer::new()), || ());
    }

    /// With the child span and the line.
    #[divan::bench]
    fn d_traced(bencher: Bencher<'_, '_>) {
        bench_requests(bencher, Shape::Log.router().layer(HighlightLayer::new()), || ());
    }
}

#[divan::bench_group(sample_size = SAMPLE)]
mod call {
    use super::{Bencher, FutureExt, Level, black_box, info, info_span, io};

    #[divan::bench]
    fn start_active_span() {
        let work = highlight::start_active_span("work", async |span| span.set_attribute("size", 7));
        work.now_or_never().unwrap();
    }

    #[divan::bench]
    fn in_span() {
        highlight::in_span("work", |span| span.set_attribute("size", 7));
    }

    #[divan::bench]
    fn log() {
        highlight::log(Level::Info, "loaded user", []);
    }

    #[divan::bench]
    fn consume_error(bencher: Bencher<'_, '_>) {
        let error = io::Error::other("no answer");
        bencher.bench_local(|| highlight::consume_error(black_box(&error)));
    }

    #[divan::bench]
    fn record_incr() {
        highlight::metrics::record_incr("users.loaded", []);
    }

    #[divan::bench]
    fn tracing_span_and_line() {
        info_span!("load_user").in_scope(|| info!(user.id = 7, "loaded user"));
    }
}
