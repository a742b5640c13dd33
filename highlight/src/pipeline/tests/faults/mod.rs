//! The table of faults x guarantees. What it finds is `docs/faults.md`:
//!
//! ```text
//! UPDATE_DOCS=1 cargo test -p highlight --lib faults      # writes the file
//! ```

mod endpoint;
mod proxy;
mod table;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime},
};

use tempfile::TempDir;

use self::{
    endpoint::Endpoint,
    table::{DAMAGED, Disk, FAULTS, Fate, Fault},
};
use super::{
    Level, Limits, Lines, Pipeline, Said, books, error, listen, log, monotone, promptly, server::HANG_GUARD,
    settings, span,
};
use crate::{
    pipeline::{Settings, retry::Delays, spool::SpoolSettings},
    stats::Stats,
};

/// The limit of one request. What hangs, hangs that long.
const TIMEOUT: Duration = Duration::from_secs(2);
const CAPACITY: usize = 50;
const RESERVE: usize = 10;
const BATCH: usize = 8;

#[test]
fn every_fault_keeps_every_guarantee_and_the_documentation_says_so() {
    let rows: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = FAULTS
            .iter()
            .map(|fault| {
                let run = move || if fault.name.contains("proxy") { proxy::run() } else { run(fault) };
                (fault.name, scope.spawn(run))
            })
            .collect();
        running
            .into_iter()
            .map(|(name, row)| row.join().unwrap_or_else(|_| panic!("{name}: see above")))
            .collect()
    });
    let document = format!("{}{}\n", include_str!("preamble.md"), rows.join("\n"));
    assert!(!document.contains("|  |"), "an empty cell");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &document).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == document,
        "docs/faults.md says something else; UPDATE_DOCS=1 writes it anew:\n{document}"
    );
}

impl Disk {
    fn spool(self, directory: &Path) -> SpoolSettings {
        let mut path = directory.join("spool");
        match self {
            Self::None | Self::Works => {}
            Self::Refuses => {
                fs::write(&path, "in the way").unwrap();
                path.push("spool");
            }
            Self::Damaged => {
                fs::create_dir(&path).unwrap();
                let created = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
                let name = format!("{created:016x}-{:016x}-{:016x}-{DAMAGED:x}.batch", 1, 1);
                fs::write(path.join(name), "once upon a time").unwrap();
            }
        }
        SpoolSettings { path, max_bytes: 64 << 20, max_age: Duration::from_secs(3600) }
    }
}

/// A pipeline that meets the fault.
struct Subject {
    endpoint: Endpoint,
    pipeline: Pipeline,
    said: Said,
    pushed: Vec<String>,
    last: Stats,
    name: &'static str,
    disk: Disk,
    _directory: Option<TempDir>,
}

impl Subject {
    fn new(fault: &Fault) -> Self {
        let endpoint = (fault.endpoint)();
        let directory = (fault.disk != Disk::None).then(|| TempDir::new().unwrap());
        let mut settings = Settings { interval: Duration::from_millis(5), ..settings(&endpoint.url) };
        settings.transport.timeout = TIMEOUT;
        settings.transport.connect_timeout = TIMEOUT / 4;
        settings.transport.certificates.clone_from(&endpoint.certificates);
        settings.delays = Delays { first: Duration::from_micros(2500), longest: Duration::from_millis(300) };
        settings.limits =
            Limits { max_items: CAPACITY, error_reserve: RESERVE, batch_items: BATCH, ..Limits::default() };
        settings.spool = directory.as_ref().map(|directory| fault.disk.spool(directory.path()));
        let said = listen(&mut settings);
        let pipeline = Pipeline::start(settings, Box::new(Lines), None).unwrap();
        let mut subject = Self {
            endpoint,
            pipeline,
            said,
            pushed: Vec::new(),
            last: Stats::default(),
            name: fault.name,
            disk: fault.disk,
            _directory: directory,
        };
        subject.until("looked into its spool", |subject, stats| stats.produced == subject.found());
        subject
    }

    /// Items of earlier processes.
    fn found(&self) -> u64 {
        if self.disk == Disk::Damaged { DAMAGED } else { 0 }
    }

    /// Items that are neither delivered nor lost.
    fn kept(stats: &Stats) -> u64 {
        stats.queued + stats.spooled
    }

    /// Records one of each in turn. Nobody waits for the endpoint.
    fn push(&mut self, kind: &str, count: usize) {
        let start = Instant::now();
        for _ in 0..count {
            let name = format!("{kind} {}", self.pushed.len());
            self.pipeline.push(match kind {
                "error" => error(&name),
                "log" => log(&name),
                _ => span(&name),
            });
            self.pushed.push(name);
            self.look();
        }
        assert!(start.elapsed() < TIMEOUT, "{}: recording waited {:?}", self.name, start.elapsed());
    }

    /// The books balance, nothing is uncounted, and memory is bounded: at every moment.
    fn look(&mut self) -> Stats {
        let stats = self.pipeline.stats();
        books(&stats);
        monotone(&self.last, &stats);
        assert!(stats.queued <= (CAPACITY + BATCH) as u64, "{}: {stats:?}", self.name);
        self.last = stats;
        stats
    }

    fn until(&mut self, what: &str, condition: impl Fn(&Self, &Stats) -> bool) -> Stats {
        let give_up = Instant::now() + HANG_GUARD;
        loop {
            let stats = self.look();
            if condition(self, &stats) {
                return stats;
            }
            assert!(Instant::now() < give_up, "{}: {what}: {stats:?} {:?}", self.name, self.lines());
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn lines(&self) -> Vec<(Level, String)> {
        self.said.lock().unwrap().clone()
    }

    fn until_felt(&mut self, fault: &Fault) {
        self.until("felt", |subject, stats| match fault.fate {
            Fate::Kept | Fate::KeptWithEachChange => {
                let is_said = subject.lines().iter().any(|(_, line)| line.contains("cannot deliver"));
                is_said && subject.endpoint.tries() >= fault.tries
            }
            Fate::Refused | Fate::AllButOne => stats.dropped.rejected > 0,
            Fate::Delivered => stats.exported > 0,
        });
    }

    /// How often each item arrived.
    fn arrivals(&self) -> BTreeMap<String, usize> {
        let mut arrivals = BTreeMap::new();
        for item in self.endpoint.taken() {
            *arrivals.entry(item).or_default() += 1;
        }
        arrivals
    }
}

/// Puts one fault to the test, and says what it found as a row of the table.
fn run(fault: &Fault) -> String {
    let [fate, twice, said] = in_time_of_need(fault);
    let flood = in_a_flood(fault);
    let end = at_the_end(fault);
    format!("| {} | {fate} | {twice} | never waits | {flood} | {end} | balance | {said} |", fault.name)
}

/// Less than fits in memory is recorded while the fault lasts.
fn in_time_of_need(fault: &Fault) -> [&'static str; 3] {
    let mut subject = Subject::new(fault);
    subject.push("error", 3);
    subject.push("log", 10);
    subject.push("span", 10);
    subject.until_felt(fault);
    let short = Duration::from_millis(50);
    let flushed = Instant::now();
    let _ = subject.pipeline.flush(short);
    assert!(flushed.elapsed() < TIMEOUT, "{}: the flush took {:?}", fault.name, flushed.elapsed());

    if fault.fate == Fate::Refused {
        subject.until("refused", |_, stats| stats.dropped.rejected == 23);
    }
    if !subject.endpoint.heals() {
        let stats = subject.look();
        assert_eq!((Subject::kept(&stats), stats.dropped.total()), (23, 0), "{}", fault.name);
        return ["kept, and tried again", "no", said(fault, &subject.lines(), false)];
    }
    if matches!(fault.disk, Disk::Works | Disk::Damaged) {
        subject.until("on disk", |_, stats| stats.queued == 0 && stats.spooled >= 23);
    }
    subject.endpoint.heal();
    subject.until("delivered", |_, stats| Subject::kept(stats) == 0);
    subject.push("error", 1);
    let after = promptly(|| subject.pipeline.flush(HANG_GUARD));
    assert_eq!(after, Ok(()), "{}: it goes on", fault.name);

    let stats = subject.look();
    let arrivals = subject.arrivals();
    let lost: Vec<_> = subject.pushed.iter().filter(|item| !arrivals.contains_key(*item)).collect();
    let fate = match fault.fate {
        Fate::Kept | Fate::KeptWithEachChange => {
            let dropped = (stats.dropped.spool, stats.dropped.total());
            assert_eq!(dropped, (subject.found(), subject.found()), "{}: only what was damaged", fault.name);
            assert_eq!((stats.exported, lost.len()), (24, 0), "{}", fault.name);
            match fault.disk {
                Disk::None => "kept, tried again, delivered",
                Disk::Works => "kept on disk, tried again, delivered",
                Disk::Refuses => "kept in memory, tried again, delivered",
                Disk::Damaged => {
                    "kept on disk, tried again, delivered; the file's items are counted as `spool`"
                }
            }
        }
        Fate::Delivered => {
            assert_eq!((stats.exported, stats.dropped.total(), lost.len()), (24, 0, 0), "{}", fault.name);
            if fault.name.contains("413") { "split, delivered" } else { "delivered" }
        }
        Fate::AllButOne => {
            let refused = stats.dropped.rejected;
            assert!(refused > 0 && stats.exported + refused == 24, "{}: {stats:?}", fault.name);
            "delivered; what was refused is counted as `rejected`"
        }
        Fate::Refused => {
            assert_eq!((stats.exported, stats.dropped.rejected, lost.len()), (1, 23, 23), "{}", fault.name);
            "refused for good, counted as `rejected`"
        }
    };
    let doubled = arrivals.values().any(|times| *times > 1);
    assert_eq!(doubled, fault.twice, "{}: arrived twice", fault.name);
    [fate, if doubled { "possible" } else { "no" }, said(fault, &subject.lines(), true)]
}

/// What was said is a line for each change, and has no more to say than that.
fn said(fault: &Fault, lines: &[(Level, String)], healed: bool) -> &'static str {
    let is = |at: usize, level: Level, text: &str| {
        lines.get(at).is_some_and(|(has, line)| *has == level && line.contains(text))
    };
    let (text, holds) = match (fault.fate, fault.disk) {
        (Fate::Kept, Disk::Refuses) => {
            let spool = lines.iter().filter(|(_, line)| line.contains("it is kept in memory")).count();
            (
                "once when it began, once when it was over, once that the spool fails",
                spool == 1 && lines.len() == 3,
            )
        }
        (Fate::Kept, Disk::Damaged) => {
            let spool = lines.iter().filter(|(_, line)| line.contains("a file was damaged")).count();
            (
                "once when it began, once when it was over, once that a file was damaged",
                spool == 1 && lines.len() == 3,
            )
        }
        (Fate::Kept, Disk::None | Disk::Works) => {
            let went = is(0, Level::Warn, "cannot deliver telemetry to");
            let back = is(1, Level::Info, "again; items lost meanwhile: 0");
            if healed {
                ("once when it began, once when it was over", went && back && lines.len() == 2)
            } else {
                ("once when it began", went && lines.len() == 1)
            }
        }
        (Fate::KeptWithEachChange, _) => {
            let (went, back): (Vec<_>, Vec<_>) = lines.iter().partition(|(level, _)| *level == Level::Warn);
            ("each change, once", lines.len() > 2 && went.len() == back.len())
        }
        (Fate::Delivered, _) => ("nothing", lines.is_empty()),
        (Fate::AllButOne, _) => ("once a minute", is(0, Level::Warn, "partial success") && lines.len() == 1),
        (Fate::Refused, _) => {
            ("once a minute", is(0, Level::Warn, "refuses telemetry: status") && lines.len() == 1)
        }
    };
    assert!(holds, "{}: {lines:?}", fault.name);
    text
}

/// Ten times what fits in memory is recorded while the fault lasts: errors are the last to go.
fn in_a_flood(fault: &Fault) -> &'static str {
    let mut subject = Subject::new(fault);
    subject.push("log", 5 * CAPACITY);
    subject.push("error", RESERVE);
    subject.push("span", 5 * CAPACITY);
    if subject.endpoint.heals() {
        subject.endpoint.heal();
        subject.until("delivered", |_, stats| Subject::kept(stats) == 0);
        let stats = subject.look();
        let arrivals = subject.arrivals();
        let errors = subject.pushed.iter().filter(|item| item.starts_with("error"));
        let missing = errors.filter(|item| !arrivals.contains_key(*item)).count() as u64;
        assert!(missing <= stats.dropped.rejected, "{}: {missing} errors went for logs", fault.name);
        // A disk takes what memory has no room for, as fast as it can.
        let stood_still = fault.fate == Fate::Kept && matches!(fault.disk, Disk::None | Disk::Refuses);
        assert!(!stood_still || stats.dropped.queue_full > 0, "{}: no flood: {stats:?}", fault.name);
        return "bounded, errors first";
    }
    "bounded"
}

/// The program ends while the fault lasts.
fn at_the_end(fault: &Fault) -> &'static str {
    let mut subject = Subject::new(fault);
    subject.push("log", 20);
    // A disk may be busy with the other rows.
    let short = if subject.disk == Disk::None { Duration::from_millis(100) } else { TIMEOUT * 3 / 4 };
    let start = Instant::now();
    let _ = subject.pipeline.shutdown(short);
    assert!(start.elapsed() < TIMEOUT, "{}: the end took {:?}", fault.name, start.elapsed());
    subject.push("log", 1);
    // A request under way may still be answered; then the last one is booked too.
    let stats = subject.until("ended", |_, stats| stats.queued == 0);
    assert_eq!(stats.produced, 21 + subject.found());
    assert!(stats.dropped.shut_down > 0, "{}: what came too late is counted", fault.name);
    if matches!(fault.disk, Disk::Works | Disk::Damaged) {
        let kept = (stats.spooled, stats.dropped.shut_down);
        assert_eq!(kept, (20, 1), "{}: only what came after the end is lost", fault.name);
        return "in time, the rest on disk";
    }
    "in time, the rest counted"
}
