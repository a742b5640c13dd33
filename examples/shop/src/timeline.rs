//! What the receiver shows, on standard output. The services' own console is standard error.

use std::{
    future,
    io::{self, IsTerminal, Write},
};

use highlight_local::{LiveLine, Receiver, Timeline};

use crate::{browser::Visit, check};

/// Prints what each session has caused so far.
pub fn print(receiver: &Receiver) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let color = out.is_terminal();
    write!(out, "{}", Timeline::new(&receiver.store().snapshot()).color(color))
}

/// Prints the visits once they have arrived, then a line for each thing that arrives. Ends only if it cannot print.
pub async fn show(visits: &[Visit], receiver: Option<&Receiver>) -> io::Result<()> {
    let Some(receiver) = receiver else { return future::pending().await };
    let store = receiver.store();
    if !visits.is_empty() {
        check::wait_for(visits, receiver).await;
        print(receiver)?;
    }
    let mut position = store.end();
    loop {
        let rows = store.next_rows(&mut position).await;
        let mut out = io::stdout().lock();
        let color = out.is_terminal();
        for row in &rows {
            writeln!(out, "{}", LiveLine::new(row).color(color))?;
        }
    }
}
