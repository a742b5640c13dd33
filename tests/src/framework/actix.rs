//! `highlight-actix` around an app, served by actix on threads of its own.

use std::{
    cell::RefCell,
    convert::Infallible,
    net::TcpListener,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    thread,
};

use actix_web::{
    App, Error, HttpRequest, HttpResponse, HttpServer,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServerHandle, ServiceRequest, ServiceResponse},
    error::ErrorServiceUnavailable,
    http::StatusCode,
    middleware::{Condition, Next, from_fn},
    rt, web,
};
use anyhow::Result;
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use highlight_actix::{HandlerError, HighlightMiddleware};
use http_body::Body;
use http_body_util::{BodyExt, Collected};
use tokio::{sync::oneshot, task, time};
use tracing::{
    Dispatch,
    dispatcher::{self, DefaultGuard},
};
use tracing_actix_web::TracingLogger;

use super::{
    Framework, NO_GRPC, Need, Neighbour, OnError, Service, Setup, line_marked,
    neighbour::{PATIENCE, logging, within},
};
use crate::{
    cell::HANG,
    handler::{Arrival, BoxFuture, Declined, Failure, Handler, ReplyBody},
};

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

    fn lacks(&self, need: Need) -> Option<&'static str> {
        match need {
            Need::SharedRuntime => Some("a worker's tasks stay on its thread, and end with it"),
            Need::Trailers => Some("actix-web's bodies have no trailers"),
            Need::Grpc => Some(NO_GRPC),
            _ => None,
        }
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
    let ours = HighlightMiddleware::new().with_options(setup.options());
    let neighbour = setup.neighbour;
    let state = web::Data::new(setup);
    let app = move || {
        SUBSCRIBER.set(Some(dispatcher::set_default(&subscriber)));
        App::new()
            .app_data(state.clone())
            .route("/orders/{id}", web::to(respond))
            .route("/live", web::to(upgrade))
    };
    // Two types of apps: `Condition` changes bodies, also where it does not hold.
    macro_rules! server {
        ($app:expr) => {
            HttpServer::new($app)
                .workers(2)
                .disable_signals()
                .h1_allow_half_closed(false)
                // A crowd may keep a slow machine busy for longer than the usual five seconds.
                .keep_alive(HANG)
                .client_request_timeout(HANG)
                .listen_auto_h2c(listener)
                .map(HttpServer::run)
        };
    }
    rt::System::new().block_on(async {
        let server = match neighbour {
            None => server!(move || app().wrap(ours.clone())),
            Some(neighbour) => server!(move || {
                // The last one is the outermost.
                app()
                    .wrap(Condition::new(neighbour == Neighbour::OursAgain, ours.clone()))
                    .wrap(Condition::new(neighbour == Neighbour::TracesInside, TracingLogger::default()))
                    .wrap(from_fn(inside))
                    .wrap(ours.clone())
                    .wrap(from_fn(outside))
                    .wrap(Condition::new(neighbour == Neighbour::TracesOutside, TracingLogger::default()))
            }),
        };
        let Ok(server) = server else { return };
        if started.send(server.handle()).is_ok() {
            // As above.
            let _ = server.await;
        }
    });
}

type Response = Result<ServiceResponse<BoxBody>, Error>;

/// The setup, which every request finds.
fn setup(request: &ServiceRequest) -> Option<web::Data<Setup>> {
    request.app_data::<web::Data<Setup>>().cloned()
}

async fn inside(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Response {
    let neighbour = setup(&request).and_then(|setup| setup.neighbour);
    let answer = async { next.call(request).await };
    let answer = match neighbour {
        Some(Neighbour::TimesOut) => {
            time::timeout(PATIENCE, answer).await.map_err(ErrorServiceUnavailable)?
        }
        Some(Neighbour::LogsInside) => logging(None, answer).await,
        Some(Neighbour::FailsInside) => failing(answer).await,
        _ => answer.await,
    };
    Ok(answer?.map_into_boxed_body())
}

async fn outside(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Response {
    let Some(setup) = setup(&request) else { return Ok(next.call(request).await?.map_into_boxed_body()) };
    let client = setup.client.clone();
    let answer = async { next.call(request).await };
    let answer = match setup.neighbour {
        Some(Neighbour::LogsOutside) => logging(Some(client), answer).await,
        Some(Neighbour::FailsOutside) => failing(answer).await,
        Some(Neighbour::CutsBodies) => return Ok(cut(answer.await?).await),
        Some(Neighbour::Within(outer)) => within(client, outer, answer).await,
        _ => answer.await,
    };
    Ok(answer?.map_into_boxed_body())
}

async fn failing<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    answer.await?;
    Err(HandlerError::from(Declined::new()).into())
}

async fn cut(response: ServiceResponse<impl MessageBody>) -> ServiceResponse<BoxBody> {
    let (request, response) = response.into_parts();
    let mut body = Box::pin(response.into_body());
    let _ = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await;
    ServiceResponse::new(request, HttpResponse::Ok().finish())
}

async fn respond(
    setup: web::Data<Setup>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, HandlerError> {
    let path = request.path().to_owned();
    let body = body.to_bytes().await.unwrap_or_default();
    let reply = (setup.handler)(Arrival { path, body });
    let reply = match AssertUnwindSafe(reply).catch_unwind().await {
        Ok(Ok(reply)) => reply,
        Ok(Err(Failure::Declined(error))) => Err(error)?, // the question mark
        Ok(Err(Failure::Anyhow(error))) => Err(error)?,
        Ok(Err(Failure::Eyre(error))) => Err(error)?,
        Err(_) if setup.neighbour == Some(Neighbour::CatchesPanics) => {
            return Ok(HttpResponse::InternalServerError().finish());
        }
        Err(panic) => std::panic::resume_unwind(panic),
    };
    let mut response = HttpResponse::build(StatusCode::from_u16(reply.status).unwrap_or_default());
    for header in reply.headers {
        response.append_header(header);
    }
    Ok(response.body(Streamed(reply.body)))
}

/// The handler goes on, beyond the answer, as the body, which an upgraded connection is to actix.
async fn upgrade(setup: web::Data<Setup>, request: HttpRequest) -> HttpResponse {
    let handler: Handler = setup.handler.clone();
    let arrival = Arrival { path: request.path().to_owned(), body: Bytes::new() };
    let text = async move {
        let Ok(reply) = handler(arrival).await else { return Ok(Bytes::new()) };
        Ok::<_, Infallible>(reply.body.collect().await.map(Collected::to_bytes).unwrap_or_default())
    };
    HttpResponse::SwitchingProtocols().upgrade("websocket").streaming(stream::once(Box::pin(text)))
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
