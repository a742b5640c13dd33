//! `sessions`: who was there.

use std::io::Write;

use clap::Args;
use highlight_local::{
    archive::{Paged, Session},
    terminal::{Style, clean, cut, plural},
};

use super::{Client, Failure, From, ago, output};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    from: From,

    /// Only those with this text in their id or user.
    text: Option<String>,

    /// How many at most.
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let client = Client::new(&options.from.place)?;
    let limit = Some(options.limit.to_string());
    let found: Paged<Session> =
        client.get(&["sessions"], &[("limit", limit), ("text", options.text.clone())])?;
    let (mut out, paint) = output();
    for session in &found.items {
        if options.from.json {
            writeln!(out, "{}", serde_json::to_string(session)?)?;
            continue;
        }
        let style = if session.errors > 0 { Style::Bad } else { Style::Faint };
        writeln!(
            out,
            "{}  {:>10}  {:>12}  {}  {}  {}",
            paint.style(Style::Id, &format!("{:<28}", cut(&clean(&session.id), 40))),
            ago(session.last_seen),
            plural(session.requests, "request"),
            paint.style(style, &format!("{:>9}", plural(session.errors, "error"))),
            paint.style(Style::Service, &cut(&clean(&session.services.join(" ")), 60)),
            cut(&clean(session.user.as_deref().unwrap_or_default()), 40),
        )?;
    }
    if found.items.is_empty() && !options.from.json {
        writeln!(out, "no sessions; a session begins with a record that has `highlight.session_id`")?;
    }
    Ok(())
}
