//! The program keeps a file, is killed, and is asked.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Instant,
};

use highlight_local::archive::{LogQuery, LogRow, Overview, Page, Session};

use super::*;

struct Program {
    child: Child,
    otlp: SocketAddr,
    api: SocketAddr,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highlight-local"));
    command.env_remove("HIGHLIGHT_LOCAL_URL").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Program {
    fn keeping(file: &Path) -> Self {
        let mut child = command().args(["--port", "0", "--data"]).arg(file).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut address = || {
            let line = lines.by_ref().find(|line| line.contains("http://127")).unwrap_or_default();
            let address = line.split_once("http://").unwrap().1;
            address.split(['/', ' ']).next().unwrap().parse().unwrap()
        };
        let (otlp, api) = (address(), address());
        // Read on, or the program would wait for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, otlp, api }
    }

    /// Sends logs with these numbers.
    fn send(&self, numbers: std::ops::Range<u32>) {
        let logs: Vec<Message> = numbers.map(|n| levelled(&format!("log {n}"), "INFO", &[])).collect();
        let body = request(&resource("shop", "sess", "req"), &[], &logs).bytes();
        let mut stream = TcpStream::connect(self.otlp).unwrap();
        let head =
            "POST /v1/logs HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncontent-type: application/x-protobuf";
        write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n", body.len()).unwrap();
        stream.write_all(&body).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn logs(&self) -> u64 {
        let answer = client::get(self.api, "localhost", "/api/overview");
        serde_json::from_slice::<Overview>(&answer.body).unwrap().logs
    }

    fn wait_for_logs(&self, enough: impl Fn(u64) -> bool) {
        let begin = Instant::now();
        while !enough(self.logs()) {
            assert!(begin.elapsed() < support::HANG);
            std::thread::yield_now();
        }
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        command().args(arguments).args(["--url", &format!("http://{}", self.api)]).output().unwrap()
    }
}

#[test]
fn what_was_written_outlives_a_kill_and_the_next_start_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive");
    let mut program = Program::keeping(&file);
    program.send(0..500);
    program.wait_for_logs(|logs| logs == 500);
    // In the midst of writing more.
    for batch in 1..8 {
        program.send(batch * 500..(batch + 1) * 500);
    }
    program.wait_for_logs(|logs| logs > 500);
    program.child.kill().unwrap();
    program.child.wait().unwrap();

    let reader = Reader::open(&file).unwrap();
    let mut page = Page::new(1_000);
    let mut numbers = Vec::new();
    loop {
        let found = reader.logs(&LogQuery { page, ..LogQuery::default() }).unwrap();
        numbers.extend(
            found.items.iter().map(|log| log.message.trim_start_matches("log ").parse::<u32>().unwrap()),
        );
        let Some(next) = found.next else { break };
        page.before = Some(next);
    }
    numbers.reverse();
    let kept = u32::try_from(numbers.len()).unwrap();
    assert!(kept > 500);
    assert_eq!(numbers, (0..kept).collect::<Vec<_>>(), "a beginning without holes");
    let session = reader.session("sess").unwrap().unwrap();
    assert_eq!(session.requests[0].logs, u64::from(kept), "sums are of the same rows");
    let text = Some(format!("{}", kept - 1));
    assert_eq!(
        reader.logs(&LogQuery { text, ..LogQuery::default() }).unwrap().items[0].message,
        format!("log {}", kept - 1)
    );

    let program = Program::keeping(&file);
    program.send(0..10);
    program.wait_for_logs(|logs| logs == u64::from(kept) + 10);
}

#[test]
fn the_commands_ask_the_running_program_or_read_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive");
    let program = Program::keeping(&file);
    program.send(0..3);
    program.wait_for_logs(|logs| logs == 3);
    let said = |output: Output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };

    let sessions = said(program.ask(&["sessions", "--json"]));
    assert_eq!(serde_json::from_str::<Session>(&sessions).unwrap().id, "sess");
    assert!(said(program.ask(&["sessions"])).contains("1 request"));
    assert!(said(program.ask(&["trace", "req"])).contains("log 2"));
    assert_eq!(said(program.ask(&["errors"])), "no errors\n");
    let tail = said(program.ask(&["tail", "--no-follow", "-n", "2", "--level", "info"]));
    let lines: Vec<&str> = tail.lines().collect();
    assert!(lines.len() == 2 && lines[0].contains("log 1") && lines[1].contains("log 2"), "{tail}");
    assert!(!tail.contains('\u{1b}'), "no color where nobody looks");
    let none = program.ask(&["trace", "unknown"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stderr).contains("nothing is stored under this id"));

    let file = file.to_str().unwrap();
    let json =
        said(command().args(["tail", "--no-follow", "--json", "-n", "1", "--data", file]).output().unwrap());
    assert_eq!(serde_json::from_str::<LogRow>(&json).unwrap().message, "log 2");
    let missing = command().args(["errors", "--data", "/no/such/file"]).output().unwrap();
    assert!(String::from_utf8_lossy(&missing.stderr).contains("there is no archive at"));
}

#[test]
fn a_session_goes_from_one_program_to_another_and_into_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let from = Program::keeping(&folder.path().join("from"));
    from.send(0..3);
    from.wait_for_logs(|logs| logs == 3);
    let ticket = path("ticket");
    let exported = from.ask(&["export", "sess", "--out", &ticket]);
    assert!(exported.status.success() && exported.stdout.is_empty(), "{exported:?}");
    let piped = command().args(["export", "sess", "--data", &path("from")]).output().unwrap();
    assert_eq!(piped.stdout, std::fs::read(&ticket).unwrap(), "the same to standard output, from the file");

    let into = Program::keeping(&folder.path().join("into"));
    let said = |output: Output| (output.status.code(), String::from_utf8(output.stdout).unwrap());
    let summary = "imported session sess: 0 spans, 3 logs, 0 errors, 0 notes, 0 recorded chunks\n".to_owned();
    assert_eq!(said(into.ask(&["import", &ticket])), (Some(0), summary.clone()));
    assert_eq!(into.logs(), 3);
    let data = path("new");
    let import = |file: &str| command().args(["import", file, "--data", &data]).output().unwrap();
    assert_eq!(said(import(&ticket)), (Some(0), summary));
    assert_eq!(Reader::open(&data).unwrap().overview().unwrap().logs, 3);

    for (output, part) in [
        (import(&ticket), "session sess is here already"),
        (into.ask(&["import", &ticket]), "session sess is here already"),
        (import(&path("from")), "no exported session"),
        (import("/no/such/file"), "cannot use the file /no/such/file"),
        (from.ask(&["export", "unknown", "--out", &ticket]), "nothing is stored under this id"),
        (from.ask(&["export", "sess", "--out", "/no/such/folder/ticket"]), "cannot use the file"),
    ] {
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && text.contains(part), "{text}");
    }
}

#[test]
fn a_tail_prints_each_line_once_as_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::keeping(&folder.path().join("archive"));
    program.send(0..2);
    program.wait_for_logs(|logs| logs == 2);
    let url = format!("http://{}", program.api);
    let mut tail = command().args(["tail", "--json", "--url", &url]).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<LogRow>(&lines.next().unwrap().unwrap()).unwrap().message;
    assert_eq!([next(), next()], ["log 0", "log 1"]);
    program.send(2..4);
    assert_eq!([next(), next()], ["log 2", "log 3"]);
    tail.kill().unwrap();
    tail.wait().unwrap();
}
