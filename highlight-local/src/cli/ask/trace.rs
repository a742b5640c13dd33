//! `trace`: one request over all services.

use std::{collections::HashSet, io::Write, time::Duration};

use clap::Args;
use highlight_local::{
    archive::{Trace, TraceSpan},
    terminal::{Paint, Style, clean, cut, duration},
};

use super::{Client, Failure, From, output, tail};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    from: From,

    /// The id that the trace is stored under: the request's, else the one that was sent.
    id: String,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let client = Client::new(&options.from.place)?;
    let trace: Trace = client.get(&["traces", &options.id], &[])?;
    let (mut out, paint) = output();
    if options.from.json {
        writeln!(out, "{}", serde_json::to_string(&trace)?)?;
        return Ok(());
    }
    print(&mut out, paint, &trace)
}

/// The request, its spans as a tree, its logs.
pub(crate) fn print(out: &mut impl Write, paint: Paint, trace: &Trace) -> Result<(), Failure> {
    let request = &trace.request;
    let status = request.status.as_deref().unwrap_or_default();
    writeln!(
        out,
        "{}  {}  {}  session {}",
        paint.style(Style::Strong, &cut(&clean(&request.name), 80)),
        cut(&clean(status), 20),
        nanos(trace.duration_ns),
        paint.style(Style::Id, &cut(&clean(&request.session), 60)),
    )?;
    let critical: HashSet<usize> = trace.critical_path.iter().map(|part| part.span).collect();
    for (index, span) in trace.spans.iter().enumerate() {
        line(out, paint, trace, span, critical.contains(&index))?;
    }
    // Newest first they came; a trace is read downwards.
    for log in trace.logs.items.iter().rev() {
        tail::line(out, paint, log)?;
    }
    writeln!(
        out,
        "{} is on the critical path: what the duration depends on",
        paint.style(Style::Warning, "●")
    )?;
    Ok(())
}

fn line(
    out: &mut impl Write,
    paint: Paint,
    trace: &Trace,
    span: &TraceSpan,
    critical: bool,
) -> Result<(), Failure> {
    /// Deeper levels are not indented any further.
    const DEEPEST: usize = 30;
    let text = |texts: &[String], index: usize| texts.get(index).map(|text| clean(text)).unwrap_or_default();
    let mark = if critical { "●" } else { " " };
    let indent = "  ".repeat(span.depth.min(DEEPEST));
    let style = if span.failed || span.errors > 0 { Style::Bad } else { Style::Strong };
    let orphan = if span.is_orphan { "  (its parent is missing)" } else { "" };
    writeln!(
        out,
        "{} {indent}{}  {}  {} +{}{orphan}",
        paint.style(Style::Warning, mark),
        paint.style(Style::Service, &cut(&text(&trace.services, span.service), 30)),
        paint.style(style, &cut(&text(&trace.names, span.name), 80)),
        nanos(span.duration_ns),
        nanos(span.start_ns),
    )?;
    Ok(())
}

fn nanos(nanos: i64) -> String {
    duration(Duration::from_nanos(u64::try_from(nanos).unwrap_or_default()))
}
