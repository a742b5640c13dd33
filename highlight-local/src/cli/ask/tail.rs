//! `tail`: logs as they arrive.

use std::{io::Write, thread, time::Duration};

use clap::Args;
use highlight_local::{
    archive::{LogRow, Overview, Paged},
    model::Level,
    terminal::{Paint, Style, clean, cut},
};

use super::{Client, Failure, Filter, From, output, time_of_day};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    from: From,

    #[command(flatten)]
    filter: Filter,

    /// Only this level (trace, debug, info, warn, error, fatal, panic) and worse.
    #[arg(long)]
    level: Option<Level>,

    /// How many of those that are there already.
    #[arg(long, short = 'n', default_value_t = 10)]
    lines: usize,

    /// Print these and end.
    #[arg(long)]
    no_follow: bool,
}

/// How long a line may be late.
const PAUSE: Duration = Duration::from_millis(250);

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let client = Client::new(&options.from.place)?;
    let overview: Overview = client.get(&["overview"], &[])?;
    let mut newest = overview.newest;
    let mut last = Vec::new();
    if options.lines > 0 {
        // Up to where the tail goes on, so that no line is missed or printed twice.
        let before = Some((newest + 1).to_string());
        let page = [("limit", Some(options.lines.to_string())), ("before", before)];
        last = logs(&client, options, &page)?.items;
        last.reverse();
    }
    loop {
        print(options, &last)?;
        if options.no_follow {
            return Ok(());
        }
        let page = [("limit", Some("1000".to_owned())), ("after", Some(newest.to_string()))];
        last = logs(&client, options, &page)?.items;
        match last.last() {
            Some(log) => newest = log.id,
            None => thread::sleep(PAUSE),
        }
    }
}

fn logs(
    client: &Client,
    options: &Options,
    page: &[(&str, Option<String>); 2],
) -> Result<Paged<LogRow>, Failure> {
    let level = [("level", options.level.map(|level| level.to_string()))];
    client.get(&["logs"], &[page.as_slice(), &level, &options.filter.parameters()].concat())
}

fn print(options: &Options, logs: &[LogRow]) -> Result<(), Failure> {
    let (mut out, paint) = output();
    for log in logs {
        if options.from.json {
            writeln!(out, "{}", serde_json::to_string(log)?)?;
        } else {
            line(&mut out, paint, log)?;
        }
    }
    Ok(out.flush()?)
}

/// A log on a line.
pub(crate) fn line(out: &mut impl Write, paint: Paint, log: &LogRow) -> Result<(), Failure> {
    let style = match log.level {
        Level::Error | Level::Fatal | Level::Panic => Style::Bad,
        Level::Warn => Style::Warning,
        Level::Trace | Level::Debug | Level::Info => Style::Faint,
    };
    let level = format!("{:<5}", log.level.as_str().to_uppercase());
    writeln!(
        out,
        "{} {} {}  {}  {}",
        paint.style(Style::Faint, &time_of_day(log.time)),
        paint.style(style, &level),
        paint.style(Style::Service, &format!("{:<14}", cut(&clean(&log.service), 14))),
        cut(&clean(&log.message), 200),
        paint.style(Style::Id, &cut(&clean(&log.trace_id), 40)),
    )?;
    Ok(())
}
