//! What `?` meets in a handler must be an error, and one that may leave its thread.

use actix_web::web;
use highlight_actix::HandlerError;

struct OutOfStock;

fn reserve() -> Result<(), OutOfStock> {
    Err(OutOfStock)
}

async fn order() -> Result<&'static str, HandlerError> {
    reserve()?;
    Ok("ordered")
}

async fn read(payload: web::Payload) -> Result<web::Bytes, HandlerError> {
    Ok(payload.to_bytes().await?)
}

fn main() {
    let _ = web::get().to(order);
    let _ = web::get().to(read);
}
