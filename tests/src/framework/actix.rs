//! `highlight-actix` around an app, served by actix on threads of its own.

use std::{
    cell::RefCell,
    net::TcpListener,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    thread,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    body::{BodySize, MessageBody},
    dev::ServerHandle,
    http::StatusCode,
    rt, web,
};
use anyhow::Result;
use bytes::Bytes;
use futures_util::FutureExt;
use highlight_actix::{HandlerError, HighlightMiddleware};
use http_body::Body;
use tokio::{sync::oneshot, task};
use tracing::{
    Dispatch,
    dispatcher::{self, DefaultGuard},
};

use super::{Framework, OnError, Service, Setup, line_marked};
use crate::handler::{Arrival, BoxFuture, Declined, Handler, ReplyBody};

#[derive(Debug)]
pub(super) struct Actix;

impl Framework for Actix {
    fn name(&self) -> &'static str {
        "actix"
    }

    fn serve(&self, setup: Setup) -> BoxFuture<Result<Service>> {
        let subscriber = dispatcher::get_default(Clone::clone);
        Box::pin(Service::on_socket(move |listener, stopped| async move {
            // Without a listener there is no server, and then the clients notice.
            let Ok(listener) = listener.into_std() else { return };
            let (started, handle) = oneshot::channel();
            let server = thread::spawn(move || run(listener, setup, subscriber, started));
            let Ok(handle) = handle.await else { return };
            drop(stopped.await);
            handle.stop(true).await;
            // It fails only where the listener does.
            let _ = task::spawn_blocking(|| server.join()).await;
        }))
    }

    fn shares_runtime(&self) -> bool {
        false
    }

    fn request_span(&self) -> &'static str {
        "GET /orders/{id}"
    }

    fn on_error(&self) -> OnError {
        let line = line_marked(include_str!("actix.rs"), "// the question mark");
        OnError::QuestionMark { file: "src/framework/actix.rs", line }
    }
}

thread_local! {
    /// A worker's subscriber, as long as its thread.
    static SUBSCRIBER: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
}

fn run(listener: TcpListener, setup: Setup, subscriber: Dispatch, started: oneshot::Sender<ServerHandle>) {
    let middleware = HighlightMiddleware::new().with_options(setup.options());
    let app = move || {
        SUBSCRIBER.set(Some(dispatcher::set_default(&subscriber)));
        let state = web::Data::new((setup.handler.clone(), setup.catch_panics));
        let orders = web::resource("/orders/{id}").to(respond);
        App::new().wrap(middleware.clone()).app_data(state).service(orders)
    };
    let server = HttpServer::new(app).workers(2).disable_signals().h1_allow_half_closed(false);
    rt::System::new().block_on(async {
        let Ok(server) = server.listen(listener) else { return };
        let server = server.run();
        if started.send(server.handle()).is_ok() {
            // As above.
            let _ = server.await;
        }
    });
}

async fn respond(
    state: web::Data<(Handler, bool)>,
    request: HttpRequest,
) -> Result<HttpResponse, HandlerError> {
    let (handler, catch_panics) = &**state;
    let reply = handler(Arrival { path: request.path().to_owned() });
    let reply = match AssertUnwindSafe(reply).catch_unwind().await {
        Ok(reply) => reply?, // the question mark
        Err(_) if *catch_panics => return Ok(HttpResponse::InternalServerError().finish()),
        Err(panic) => std::panic::resume_unwind(panic),
    };
    let status = StatusCode::from_u16(reply.status).unwrap_or_default();
    Ok(HttpResponse::with_body(status, Streamed(reply.body)).map_into_boxed_body())
}

/// A body of the suite as one of actix.
struct Streamed(ReplyBody);

impl MessageBody for Streamed {
    type Error = Declined;

    fn size(&self) -> BodySize {
        self.0.size_hint().exact().map_or(BodySize::Stream, BodySize::Sized)
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Declined>>> {
        let frame = Pin::new(&mut self.0).poll_frame(cx);
        frame.map_ok(|frame| frame.into_data().unwrap_or_default())
    }
}
