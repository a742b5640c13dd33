//! The spans that are entered on this thread, and what makes their context current.

use std::cell::{Cell, RefCell};

use opentelemetry::{Context, ContextGuard};
use tracing::{
    Span,
    span::{self, Id},
};

use crate::ambient;

struct Entered {
    /// Ids are a subscriber's own.
    owner: Owner,
    id: Id,
    /// Whether it is entered further out already: then the span between the two stays the current one, as in the registry of
    /// `tracing-subscriber`.
    again: bool,
    /// Makes its context current; `None` where it is already.
    _guard: Option<ContextGuard>,
}

/// Where a span is known: the address of its layer or subscriber, while that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner(usize);

impl Owner {
    pub(super) fn of<T>(owner: &T) -> Self {
        Self(std::ptr::from_ref(owner).addr())
    }
}

thread_local! {
    static ENTERED: RefCell<Vec<Entered>> = {
        // A guard needs the context's variable until its end: this one is to go first.
        ambient::map_current(|_| ());
        RefCell::default()
    };
    static ACTIVE_ALREADY: Cell<bool> = const { Cell::new(false) };
}

/// Notes that a span is entered, and makes its context current.
pub(super) fn enter(owner: Owner, id: &Id, cx: Option<Context>) {
    let guard = cx.and_then(ambient::attach_own);
    let _ = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        let again = entered.iter().any(|entered| entered.is(owner, id));
        entered.push(Entered { owner, id: id.clone(), again, _guard: guard });
    });
}

/// Notes that a span is left.
pub(super) fn exit(owner: Owner, id: &Id) {
    let left = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        if entered.last().is_some_and(|innermost| innermost.is(owner, id)) {
            return entered.pop();
        }
        let at = entered.iter().rposition(|entered| entered.is(owner, id))?;
        Some(entered.remove(at))
    });
    drop(left);
}

/// The span that `tracing` is to take for the current one.
pub(super) fn current(owner: Owner) -> Option<Id> {
    let innermost = |entered: &RefCell<Vec<Entered>>| {
        let entered = entered.borrow();
        entered
            .iter()
            .rev()
            .find(|entered| entered.owner == owner && !entered.again)
            .map(|entered| entered.id.clone())
    };
    ENTERED.try_with(innermost).ok().flatten()
}

impl Entered {
    fn is(&self, owner: Owner, id: &Id) -> bool {
        self.owner == owner && self.id == *id
    }
}

/// Whether the span that is entered or left has its context current, before and after.
pub(super) fn is_active_already() -> bool {
    ACTIVE_ALREADY.try_with(Cell::get).unwrap_or(false)
}

/// Enters a span whose context is current already, and stays so until the guard is dropped.
pub(crate) fn enter_active(span: &Span) -> EnteredActive<'_> {
    EnteredActive((!span.is_none()).then(|| without_activation(|| span.enter())))
}

#[must_use]
pub(crate) struct EnteredActive<'a>(Option<span::Entered<'a>>);

impl Drop for EnteredActive<'_> {
    fn drop(&mut self) {
        if let Some(entered) = self.0.take() {
            without_activation(|| drop(entered));
        }
    }
}

fn without_activation<T>(work: impl FnOnce() -> T) -> T {
    let _ = ACTIVE_ALREADY.try_with(|active| active.set(true));
    let result = work();
    let _ = ACTIVE_ALREADY.try_with(|active| active.set(false));
    result
}
