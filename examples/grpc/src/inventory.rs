//! The service that the storefront calls.

use std::{error::Error, pin::Pin};

use futures_util::{Stream, stream};
use highlight_tower::HighlightLayer;
use tokio::{net::TcpListener, sync::oneshot};
use tonic::{
    Request, Response, Status,
    transport::{self, Server, server::TcpIncoming},
};
use tracing::{info, instrument};

use crate::shop::{
    Order, Piece,
    inventory_server::{Inventory, InventoryServer},
};

pub(crate) async fn serve(
    listener: TcpListener,
    client: highlight::Client,
    stopped: oneshot::Receiver<()>,
) -> Result<(), transport::Error> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .layer(HighlightLayer::new().with_client(client))
        .add_service(InventoryServer::new(Warehouse))
        .serve_with_incoming_shutdown(incoming, async { drop(stopped.await) })
        .await
}

struct Warehouse;

#[tonic::async_trait]
impl Inventory for Warehouse {
    type ReserveStream = Pin<Box<dyn Stream<Item = Result<Piece, Status>> + Send>>;

    async fn reserve(&self, request: Request<Order>) -> Result<Response<Self::ReserveStream>, Status> {
        let order = request.into_inner();
        let shelf = find(&order.item).await.map_err(|error| internal(&error))?;
        // Polled after this function has returned, and still in the same request.
        let pieces = (0..order.pieces).map(move |piece| {
            info!(piece, "piece reserved");
            Ok(Piece { shelf })
        });
        Ok(Response::new(Box::pin(stream::iter(pieces))))
    }
}

/// Reports the error, with its causes and the line of the caller, and tells the client nothing of it.
#[track_caller]
fn internal(error: &(impl Error + 'static)) -> Status {
    highlight::consume_error(error);
    Status::internal("internal error")
}

#[derive(Debug, thiserror::Error)]
#[error("the shelf was not found")]
struct ShelfError(#[source] ScannerError);

#[derive(Debug, thiserror::Error)]
#[error("the scanner does not answer")]
struct ScannerError;

#[instrument]
async fn find(item: &str) -> Result<u32, ShelfError> {
    match item {
        "lamp" => Ok(7),
        _ => Err(ShelfError(ScannerError)),
    }
}
