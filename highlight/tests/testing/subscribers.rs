//! The subscriber of this crate's own does with spans what a registry with our layer does, whatever a program does with them.

use std::cell::Cell;

use highlight::{
    Client, RequestContext,
    http::{ServerOptions, ServerRequest},
    testing::{Capture, capture},
};
use proptest::prelude::*;
use tracing::{Dispatch, Span, dispatcher, field::Empty, span::EnteredSpan};
use tracing_subscriber::layer::SubscriberExt;

/// What a program does with spans. Numbers choose among those that it holds.
#[derive(Debug, Clone)]
enum Step {
    Open(Parent),
    Clone(usize),
    Drop(usize),
    Enter(usize),
    Exit(usize),
    Record(usize),
    Follow(usize, usize),
    Log,
    LogBelow(usize),
    HoldCurrent,
    Request(Vec<Step>),
    ElsewhereOpen(usize),
}

#[derive(Debug, Clone, Copy)]
enum Parent {
    Current,
    Root,
    Of(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0_usize..8;
    let parent = prop_oneof![
        3 => Just(Parent::Current),
        1 => Just(Parent::Root),
        2 => number.clone().prop_map(Parent::Of),
    ];
    let plain = prop_oneof![
        4 => parent.prop_map(Step::Open),
        1 => number.clone().prop_map(Step::Clone),
        3 => number.clone().prop_map(Step::Drop),
        4 => number.clone().prop_map(Step::Enter),
        3 => number.clone().prop_map(Step::Exit),
        1 => number.clone().prop_map(Step::Record),
        1 => (number.clone(), number.clone()).prop_map(|(span, cause)| Step::Follow(span, cause)),
        2 => Just(Step::Log),
        1 => number.clone().prop_map(Step::LogBelow),
        1 => Just(Step::HoldCurrent),
        1 => number.prop_map(Step::ElsewhereOpen),
    ];
    plain.prop_recursive(2, 24, 8, |step| prop::collection::vec(step, 0..8).prop_map(Step::Request))
}

/// A program while it runs: what it holds, and what it has seen.
#[derive(Default)]
struct Program {
    held: Vec<Span>,
    entered: Vec<EnteredSpan>,
    number: Cell<u32>,
    seen: Vec<Option<&'static str>>,
}

impl Program {
    fn next(&self) -> u32 {
        self.number.set(self.number.get() + 1);
        self.number.get()
    }

    fn chosen(&self, number: usize) -> Option<&Span> {
        self.held.get(number.checked_rem(self.held.len())?)
    }

    fn open(&self, parent: Parent) -> Span {
        let number = self.next();
        match parent {
            Parent::Current => tracing::info_span!("contextual", number, late = Empty),
            Parent::Root => tracing::info_span!(parent: None, "root", number, late = Empty),
            Parent::Of(other) => {
                tracing::info_span!(parent: self.chosen(other).and_then(Span::id), "below", number, late = Empty)
            }
        }
    }

    fn run(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
            let current = Span::current();
            self.seen.push(current.metadata().map(tracing::Metadata::name));
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Open(parent) => self.held.push(self.open(*parent)),
            Step::Clone(number) => self.held.extend(self.chosen(*number).cloned()),
            Step::Drop(number) => {
                if let Some(at) = number.checked_rem(self.held.len()) {
                    self.held.remove(at);
                }
            }
            Step::Enter(number) => {
                // A span that is entered again, further in, is the current one to our subscriber only; so is a request's.
                let is_new = |span: &&Span| match span.metadata() {
                    Some(metadata) if metadata.name() == "request" => self.entered.is_empty(),
                    _ => self.entered.iter().all(|entered| entered.id() != span.id()),
                };
                let span = self.chosen(*number).filter(is_new).cloned();
                self.entered.extend(span.map(Span::entered));
            }
            Step::Exit(number) => {
                if let Some(at) = number.checked_rem(self.entered.len()) {
                    self.held.push(self.entered.remove(at).exit());
                }
            }
            Step::Record(number) => {
                let late = self.next();
                self.chosen(*number).map(|span| span.record("late", late));
            }
            Step::Follow(number, cause) => {
                if let Some((span, cause)) = self.chosen(*number).zip(self.chosen(*cause)) {
                    span.follows_from(cause);
                }
            }
            Step::Log => tracing::info!(number = self.next(), "said"),
            Step::LogBelow(number) => {
                let parent = self.chosen(*number).and_then(Span::id);
                tracing::info!(parent: parent, number = self.next(), "said below");
            }
            Step::HoldCurrent => self.held.push(Span::current()),
            Step::Request(steps) => {
                let ids = RequestContext::from(format!("s/{}", self.next()).as_str());
                let request = ServerRequest::new("GET", "/");
                let options = ServerOptions::default();
                let mut server = options.tracer().unwrap().start(&request, ids);
                let entered = self.entered.len();
                server.in_scope(|| {
                    self.run(steps);
                    self.entered.truncate(entered);
                });
                server.set_status(200);
            }
            Step::ElsewhereOpen(number) => {
                let dispatch = dispatcher::get_default(Clone::clone);
                let client = Client::current().unwrap();
                let parent = self.chosen(*number).and_then(Span::id);
                let number = self.next();
                let open = || tracing::info_span!(parent: parent.clone(), "elsewhere", number, late = Empty);
                let work = || dispatcher::with_default(&dispatch, || client.in_scope(open));
                let opened = std::thread::scope(|scope| scope.spawn(work).join().unwrap());
                self.held.push(opened);
            }
        }
    }
}

/// Runs the program on the subscriber that is current: what it saw, and what was recorded, without ids that are made up.
fn outcome(steps: &[Step]) -> (Vec<Option<&'static str>>, Vec<String>) {
    let telemetry = capture();
    let mut program = Program::default();
    telemetry.in_scope(|| {
        program.run(steps);
        program.entered.clear();
        program.held.clear();
    });
    (program.seen, told(&telemetry))
}

/// Spans with their parents and logs with their spans, all by their numbers.
fn told(telemetry: &Capture) -> Vec<String> {
    let spans = telemetry.spans();
    let name = |id: Option<&str>| {
        let span = spans.iter().find(|span| Some(span.span_id.as_str()) == id);
        span.map(|span| format!("{} {:?}", span.name, span.attributes.get("number")))
    };
    let of_span = |span: &highlight::testing::Span| {
        let late = span.attributes.get("late");
        let parent = name(span.parent_span_id.as_deref());
        format!(
            "{:?} in {:?}, session {:?}, late {late:?}",
            name(Some(&span.span_id)),
            parent,
            span.session_id
        )
    };
    let of_log = |log: &highlight::testing::Log| {
        let number = log.attributes.get("number");
        format!(
            "{} {number:?} in {:?}, session {:?}",
            log.message,
            name(log.span_id.as_deref()),
            log.session_id
        )
    };
    let mut told: Vec<_> = spans.iter().map(of_span).chain(telemetry.logs().iter().map(of_log)).collect();
    told.sort();
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn both_tell_the_same_of_any_program(steps in prop::collection::vec(step(), 0..32)) {
        let layered = Dispatch::new(tracing_subscriber::registry().with(highlight::layer()));
        let layered = dispatcher::with_default(&layered, || outcome(&steps));
        prop_assert_eq!(outcome(&steps), layered);
    }
}
