//! A proxy is named in the environment, which is the process's: so its row runs in a process of its own.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{FAULTS, Fault, run as run_here, table};

/// Runs [`the_row`] behind a proxy.
pub(super) fn run() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let tunnels = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tunnels);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || tunnel(client));
        }
    });
    let mut child = Command::new(env::current_exe().unwrap());
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
        child.env_remove(name).env_remove(name.to_lowercase());
    }
    let output = child
        .args(["--exact", "pipeline::tests::faults::proxy::the_row", "--ignored", "--nocapture"])
        .env("HTTP_PROXY", proxy)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(tunnels.load(Ordering::Relaxed) > 0, "the proxy was not asked");
    let row = text.lines().find_map(|line| line.find("| behind").map(|at| line[at..].to_owned()));
    row.unwrap_or_else(|| panic!("no row: {text}"))
}

#[test]
#[ignore = "needs a proxy in the environment; the table runs it"]
fn the_row() {
    let fault = FAULTS.iter().find(|fault| fault.name.contains("proxy")).unwrap();
    // A loopback address would need no proxy, and get none.
    println!(
        "{}",
        run_here(&Fault { endpoint: || table::status(503).named("behind-the-proxy.invalid"), ..*fault })
    );
}

/// `CONNECT host:port`: whatever the host, it is this machine.
fn tunnel(client: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let port = line.split([' ', ':']).nth(2).and_then(|port| port.parse::<u16>().ok());
    while line.trim_end() != "" {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let server = TcpStream::connect(("127.0.0.1", port.ok_or(io::ErrorKind::InvalidData)?))?;
    let mut to_client = client;
    write!(to_client, "HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut from_server, mut to_server) = (server.try_clone()?, server);
    thread::spawn(move || io::copy(&mut from_server, &mut to_client));
    io::copy(&mut reader, &mut to_server)?;
    Ok(())
}
