//! The subscriber that a layer is part of.

use std::sync::OnceLock;

use tracing::{
    Dispatch,
    dispatcher::{self, WeakDispatch},
};

/// Where a layer belongs. Inside a callback its subscriber is not current: only where every thread has the same one can it be asked
/// for.
#[derive(Debug, Default)]
pub(super) struct Home(OnceLock<WeakDispatch>);

impl Home {
    pub(super) fn set(&self, dispatch: &Dispatch) {
        // A second dispatcher would hold the same subscriber.
        let _ = self.0.set(dispatch.downgrade());
    }

    pub(super) fn get(&self) -> Option<Dispatch> {
        // An `Option` or a `Vec` of layers does not tell them.
        match self.0.get() {
            Some(registered) => registered.upgrade(),
            None => Some(dispatcher::get_default(Dispatch::clone)),
        }
    }
}
