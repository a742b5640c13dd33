//! What `init` does with the `tracing` subscriber and the `log` logger that it finds.

use std::io::IsTerminal;

use tracing::{
    Dispatch, dispatcher,
    subscriber::{self, NoSubscriber, SetGlobalDefaultError},
};
use tracing_subscriber::layer::SubscriberExt;

use super::{event::EventLayer, filter::Taken, layer_behind_filter, lean::LeanSubscriber, log};
use crate::{Client, say};

/// What became of `tracing` in [`init`](crate::init).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TracingSetup {
    /// There was no subscriber; `init` installed one, with a console unless that is switched off.
    Installed,
    /// The program's own subscriber holds [`layer()`](crate::layer).
    LayerFound,
    /// The program's own subscriber does not hold [`layer()`](crate::layer): its `tracing` spans and events are not exported.
    /// Errors, [`log`](crate::log()) and the spans of this crate are. Said once, as a warning.
    LayerMissing,
}

pub(crate) fn install(client: &Client) -> TracingSetup {
    let setup = install_subscriber(client);
    let bridged = log::install(client.filter().max_level());
    if !bridged && setup == TracingSetup::Installed {
        say::warn(
            "another logger of the `log` crate is installed; its records are not exported unless it passes them on to `tracing`",
        );
    }
    setup
}

/// Whether the subscriber that is current on this thread holds our layer, or is ours.
pub(crate) fn has_layer() -> bool {
    dispatcher::get_default(|dispatch| dispatch.is::<EventLayer>() || is_lean(dispatch))
}

/// Whether it is the subscriber that does nothing but record.
pub(super) fn is_lean(dispatch: &Dispatch) -> bool {
    dispatch.is::<LeanSubscriber>()
}

/// Whether it is a subscriber of ours that shows nothing to anybody.
pub(crate) fn is_mute(dispatch: &Dispatch) -> bool {
    is_lean(dispatch) || dispatch.downcast_ref::<Taken>().is_some_and(|taken| !taken.shows())
}

fn install_subscriber(client: &Client) -> TracingSetup {
    let taken = Taken::Always { filter: client.filter().clone(), shows: client.settings().console };
    // Set before anything is asked: a subscriber that is current on this thread only, be it with our layer, would not do for the
    // others.
    let others_read = client.settings().console || cfg!(feature = "tracing-error");
    let set = match (others_read, client.is_enabled()) {
        (true, _) => set_layers(client, taken),
        (false, true) => subscriber::set_global_default(LeanSubscriber::new(taken)),
        // Spans and lines cost as much as without any subscriber.
        (false, false) => subscriber::set_global_default(NoSubscriber::default()),
    };
    let holds_layer = has_layer();
    if client.is_enabled() && !holds_layer {
        // What is there besides ours is current on this thread only.
        let whose = if set.is_ok() { "this thread's own" } else { "the program's" };
        say::warn(&format!(
            "{whose} `tracing` subscriber was installed without `highlight::layer()`: its spans and events are not \
             exported; add `.with(highlight::layer())` where it is built"
        ));
    }
    match (set, holds_layer) {
        (Ok(()), _) => TracingSetup::Installed,
        (Err(_), true) => TracingSetup::LayerFound,
        (Err(_), false) => TracingSetup::LayerMissing,
    }
}

/// Installs a subscriber of layers: what others read of spans is in its registry.
fn set_layers(client: &Client, taken: Taken) -> Result<(), SetGlobalDefaultError> {
    // Standard error, so that a program's own output stays clean.
    let console = client.settings().console.then(|| {
        tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
    });
    let ours = tracing_subscriber::registry().with(taken).with(console);
    #[cfg(feature = "tracing-error")]
    let ours = ours.with(tracing_error::ErrorLayer::default());
    // Not `with(Option)`, which does not tell the layer its subscriber.
    if client.is_enabled() {
        subscriber::set_global_default(ours.with(layer_behind_filter()))
    } else {
        subscriber::set_global_default(ours)
    }
}
