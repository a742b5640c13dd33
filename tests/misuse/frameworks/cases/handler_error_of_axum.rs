//! What `?` meets in a handler must be an error.

use highlight_axum::HandlerError;

struct OutOfStock;

fn reserve() -> Result<(), OutOfStock> {
    Err(OutOfStock)
}

async fn order() -> Result<&'static str, HandlerError> {
    reserve()?;
    Ok("ordered")
}

fn main() {
    let _ = axum::Router::<()>::new().route("/", axum::routing::get(order));
}
