//! Who a request is served for is on all of it from the moment it is known.

use anyhow::{Result, ensure};
use highlight::{User, consume_error, in_span, set_user};
use highlight_local::model::Attributes;
use tokio::sync::oneshot;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::Need,
    handler::{Declined, Reply},
    stored::{attribute, is_child},
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("user_mid_request", user_mid_request),
        Scenario::new("user_in_a_task", user_in_a_task),
        Scenario::new("user_replaced", user_replaced),
    ]
}

fn ada() -> User {
    User::new().id("7").email("ada@example.com").attribute("tenant", "acme")
}

fn is_adas(attributes: &Attributes) -> Result<()> {
    for (key, value) in [("user.id", "7"), ("user.email", "ada@example.com"), ("tenant", "acme")] {
        let found = attribute(attributes, key)?;
        ensure!(found == value, "{key} is {found:?}");
    }
    Ok(())
}

fn is_nobodys(attributes: &Attributes) -> Result<()> {
    ensure!(!attributes.keys().any(|key| key.starts_with("user.")), "{attributes:#?}");
    Ok(())
}

async fn user_mid_request(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            in_span("before", |_| tracing::info!("who is it?"));
            in_span("authenticate", |_| set_user(ada()));
            tokio::task::yield_now().await;
            in_span("after", |_| tracing::info!("welcome"));
            drop(tracing::info_span!("query"));
            consume_error(&Declined::new());
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    is_nobodys(&stored.span("before")?.attributes)?;
    is_nobodys(&stored.log("who is it?")?.attributes)?;
    for name in ["authenticate", "after", "query"] {
        is_adas(&stored.span(name)?.attributes)?;
    }
    // Without a server the request has no span of its own: this is one of the program's, and had started before.
    if stored.framework.has(Need::Server) {
        is_adas(&stored.request_span()?.attributes)?;
    }
    is_adas(&stored.log("welcome")?.attributes)?;
    let (error, log) = stored.error()?;
    is_adas(&error.payload)?;
    is_adas(&log.attributes)
}

/// The task was started before anybody knew.
async fn user_in_a_task(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let (known, wait) = oneshot::channel();
            let task = highlight::spawn(async {
                drop(wait.await);
                in_span("work", |_| tracing::info!("for whom?"));
            });
            set_user(ada());
            let _ = known.send(());
            drop(task.await);
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    is_child(stored.span("work")?, stored.request_span()?)?;
    is_adas(&stored.span("work")?.attributes)?;
    is_adas(&stored.log("for whom?")?.attributes)?;
    is_adas(&stored.request_span()?.attributes)
}

async fn user_replaced(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            set_user(ada());
            tracing::info!("as ada");
            set_user(User::new().id("8"));
            tracing::info!("as eve");
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    is_adas(&stored.log("as ada")?.attributes)?;
    let later = &stored.log("as eve")?.attributes;
    ensure!(attribute(later, "user.id")? == "8" && !later.contains_key("user.email"));
    ensure!(attribute(&stored.request_span()?.attributes, "user.id")? == "8");
    Ok(())
}
