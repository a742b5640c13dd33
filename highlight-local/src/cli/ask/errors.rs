//! `errors`: what failed, in groups.

use std::io::Write;

use clap::Args;
use highlight_local::{
    archive::{ErrorGroup, Paged},
    terminal::{Paint, Style, clean, cut},
};

use super::{Client, Failure, Filter, From, ago, output};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    from: From,

    #[command(flatten)]
    filter: Filter,

    /// How many at most.
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let client = Client::new(&options.from.place)?;
    let limit = [("limit", Some(options.limit.to_string()))];
    let parameters = [limit.as_slice(), &options.filter.parameters()].concat();
    let found: Paged<ErrorGroup> = client.get(&["error-groups"], &parameters)?;
    let (mut out, paint) = output();
    for group in &found.items {
        if options.from.json {
            writeln!(out, "{}", serde_json::to_string(group)?)?;
            continue;
        }
        line(&mut out, paint, group)?;
    }
    if found.items.is_empty() && !options.from.json {
        writeln!(out, "no errors")?;
    }
    Ok(())
}

/// A group of errors, on three lines.
pub(crate) fn line(out: &mut impl Write, paint: Paint, group: &ErrorGroup) -> Result<(), Failure> {
    let message = cut(&clean(&group.message), 100);
    let count = paint.style(Style::Bad, &format!("{:>6} ×", group.errors));
    writeln!(out, "{count} {}  {}", paint.style(Style::Strong, &message), ago(group.last_seen))?;
    let Some(last) = &group.last else { return Ok(()) };
    let frame = last.top_frame.clone().unwrap_or_default();
    let line = frame.line.map(|line| format!(":{line}")).unwrap_or_default();
    writeln!(
        out,
        "         {}  {}  {}{line}",
        paint.style(Style::Service, &cut(&clean(&last.service), 30)),
        cut(&clean(&frame.function.unwrap_or_default()), 60),
        paint.style(Style::Faint, &cut(&clean(&frame.file.unwrap_or_default()), 80)),
    )?;
    writeln!(
        out,
        "         trace {}  session {}",
        paint.style(Style::Id, &cut(&clean(&last.trace_id), 60)),
        paint.style(Style::Id, &cut(&clean(&last.session), 60)),
    )?;
    Ok(())
}
