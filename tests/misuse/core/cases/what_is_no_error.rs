//! What is reported must be an error, or a text.

use highlight::ConsumeError;

struct OutOfStock;

fn reserve() -> Result<(), OutOfStock> {
    Err(OutOfStock)
}

async fn order() -> Result<(), OutOfStock> {
    highlight::try_start_active_span("order", async |_span| reserve()).await
}

fn main() {
    highlight::consume_error("a text will do");
    highlight::consume_error(&OutOfStock);
    let _ = highlight::try_in_span("order", |_span| reserve());
    let _ = order();
    let _ = reserve().consume_error();
    highlight::ErrorReport::new(&7).consume();
}
