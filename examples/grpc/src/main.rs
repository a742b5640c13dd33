//! Two gRPC services, one calling the other, in the request of a browser.
//!
//! ```text
//! cargo run -p example-grpc
//! ```
//!
//! | file | shows |
//! |---|---|
//! | `storefront.rs` | a server with our layer, and a client of the other service with our layer |
//! | `inventory.rs` | a stream that is part of its request, and an error that is reported and answered with a status |
//! | `proto/shop.proto` | the two interfaces |

mod inventory;
mod storefront;

use std::time::Duration;

use highlight::{Client, Config};
use highlight_local::{Receiver, Timeline};
use tokio::{net::TcpListener, sync::oneshot};
use tonic::{Request, transport::Uri};

use crate::shop::{Order, storefront_client::StorefrontClient};

mod shop {
    #![allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "it is generated")]
    tonic::include_proto!("shop");
}

const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it is what the demo is for")]
async fn main() -> anyhow::Result<()> {
    // Two services in one process, so that nobody has to start two. The receiver stands in for a Highlight server.
    let receiver = Receiver::start(0)?;
    let config = |service| Config::new("1").service_name(service).endpoint(receiver.endpoint());
    let storefront = highlight::init(config("storefront"))?;
    let inventory = Client::new(config("inventory"))?;

    let (listener, inventory_uri) = listen().await?;
    let (stop_inventory, stopped) = oneshot::channel();
    let serving_inventory = tokio::spawn(inventory::serve(listener, inventory.clone(), stopped));

    let (listener, storefront_uri) = listen().await?;
    let (stop_storefront, stopped) = oneshot::channel();
    let serving_storefront = tokio::spawn(storefront::serve(listener, inventory_uri, stopped));

    click(storefront_uri).await?;

    // A call is over when its server says so: first the servers end, then what they recorded is delivered.
    drop(stop_storefront);
    serving_storefront.await??;
    drop(stop_inventory);
    serving_inventory.await??;
    inventory.shutdown(DEADLINE)?;
    storefront.flush(DEADLINE)?;
    print!("{}", Timeline::new(&receiver.store().snapshot()));
    Ok(())
}

async fn listen() -> anyhow::Result<(TcpListener, Uri)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let uri = format!("http://{}", listener.local_addr()?).parse()?;
    Ok((listener, uri))
}

/// What a page does, whose calls come through a gateway for gRPC-Web: its header arrives as metadata.
async fn click(storefront: Uri) -> anyhow::Result<()> {
    let mut page = StorefrontClient::connect(storefront).await?;
    for (item, request_id) in [("lamp", "9k2hTq81Lx"), ("piano", "4bXc0Zr7Qp")] {
        let mut order = Request::new(Order { item: item.to_owned(), pieces: 2 });
        let header = format!("WnjGsMDLJ0vZTjMUZrTFYaSjbGqA/{request_id}");
        order.metadata_mut().insert("x-highlight-request", header.parse()?);
        // That there is no piano is the page's affair.
        let _ = page.checkout(order).await;
    }
    Ok(())
}
