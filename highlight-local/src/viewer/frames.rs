//! The frames of a stack, with the lines of the source where they are at hand.

use maud::{Markup, html};

use super::{Sources, parts, sources::Snippet};
use crate::archive::Frame;

/// Frames whose source is looked for: a stack has 64 at most (C§1.3), and a page reads each file once per frame.
const LOOKED_FOR: usize = 64;

/// Function, file and line.
pub(super) fn place(frame: &Frame) -> Markup {
    html! {
        @if let Some(function) = &frame.function { span.function { (function) } " " }
        @if let Some(file) = &frame.file {
            span.file { (file) @if let Some(line) = frame.line { ":" (line) } }
        }
        @if frame.function.is_none() && frame.file.is_none() { (frame.line_content.as_deref().unwrap_or("?")) }
    }
}

/// The frames at hand are open to begin with; of the others, runs are folded.
pub(super) fn stack(sources: &Sources, frames: &[Frame]) -> Markup {
    let mut runs: Vec<(Option<Snippet>, Vec<&Frame>)> = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        let snippet = match (&frame.file, frame.line) {
            (Some(file), Some(line)) if index < LOOKED_FOR => sources.around(file, line),
            _ => None,
        };
        match (&snippet, runs.last_mut()) {
            (None, Some((None, run))) => run.push(frame),
            _ => runs.push((snippet, vec![frame])),
        }
    }
    html! {
        @if frames.is_empty() { (parts::empty("The server would show no frames.")) }
        div.stack {
            @for (snippet, run) in &runs {
                @match snippet {
                    Some(snippet) => @for frame in run { (at_hand(frame, snippet)) },
                    None if run.len() < 3 => @for frame in run { p.frame { (place(frame)) } },
                    None => (folded(run)),
                }
            }
        }
    }
}

fn folded(run: &[&Frame]) -> Markup {
    html! {
        details {
            summary data-row { (run.len()) " frames without source at hand" }
            @for frame in run { p.frame { (place(frame)) } }
        }
    }
}

fn at_hand(frame: &Frame, snippet: &Snippet) -> Markup {
    html! {
        details open {
            summary data-row { (place(frame)) }
            // Focusable, for it scrolls.
            pre.source tabindex="0" role="region" aria-label="Source" {
                @for (number, text) in &snippet.lines {
                    @if *number == snippet.line { mark { span.ln { (number) } (text) } "\n" }
                    @else { span.ln { (number) } (text) "\n" }
                }
            }
        }
    }
}
