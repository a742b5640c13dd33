//! A task may go on on another thread: what it holds over an `.await` must be `Send`.

use std::rc::Rc;

async fn charge(_cents: &i64) {}

fn main() {
    highlight::spawn(async {
        let cents = Rc::new(4200);
        charge(&cents).await;
    });
    // The handle of a span can go anywhere. A guard of `tracing` cannot.
    highlight::spawn(highlight::start_active_span("charge card", async |span| {
        charge(&4200).await;
        span.set_attribute("cents", 4200);
    }));
    highlight::spawn(async {
        let _entered = tracing::info_span!("charge card").entered();
        charge(&4200).await;
    });
}
