//! The service that the page calls.

use highlight_tower::{HighlightClientLayer, HighlightClientService, HighlightLayer};
use tokio::{net::TcpListener, sync::oneshot};
use tonic::{
    Request, Response, Status,
    transport::{Channel, Error, Server, Uri, server::TcpIncoming},
};
use tower::ServiceBuilder;
use tracing::info;

use crate::shop::{
    Order, Receipt,
    inventory_client::InventoryClient,
    storefront_server::{Storefront, StorefrontServer},
};

pub(crate) async fn serve(
    listener: TcpListener,
    inventory: Uri,
    stopped: oneshot::Receiver<()>,
) -> Result<(), Error> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let service = StorefrontServer::new(Shop { inventory: connect(inventory) });
    Server::builder()
        .layer(HighlightLayer::new()) // the way in
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, async { drop(stopped.await) })
        .await
}

fn connect(inventory: Uri) -> Inventory {
    let channel = Channel::builder(inventory.clone()).connect_lazy();
    let layer = HighlightClientLayer::new().with_target(inventory); // the way out
    InventoryClient::new(ServiceBuilder::new().layer(layer).service(channel))
}

type Inventory = InventoryClient<HighlightClientService<Channel>>;

struct Shop {
    inventory: Inventory,
}

#[tonic::async_trait]
impl Storefront for Shop {
    async fn checkout(&self, request: Request<Order>) -> Result<Response<Receipt>, Status> {
        let order = request.into_inner();
        info!(item = order.item, pieces = order.pieces, "checking out");
        let mut pieces = self.inventory.clone().reserve(order).await?.into_inner();
        let mut receipt = Receipt::default();
        while let Some(piece) = pieces.message().await? {
            info!(shelf = piece.shelf, "piece found");
            receipt.pieces += 1;
        }
        Ok(Response::new(receipt))
    }
}
