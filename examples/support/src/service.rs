use std::{
    io::{self, BufRead, BufReader, Error, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, ExitStatus, Stdio},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use crate::HANG;

/// A service that serves until it is told to stop.
#[derive(Debug)]
pub struct Service {
    process: Process,
    address: SocketAddr,
}

impl Service {
    /// Starts it, and waits until its console says where it listens.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut process = Process(command.stderr(Stdio::piped()).spawn()?);
        let console = process.0.stderr.take().map(BufReader::new);
        let mut lines = console.into_iter().flat_map(BufRead::lines).map_while(Result::ok);
        let address = lines.find_map(|line| line.split_once("listens on http://")?.1.parse().ok());
        // The rest must be read, too, or it could not write.
        thread::spawn(move || lines.for_each(drop));
        let address = address.ok_or_else(|| Error::other("it has ended, and not said where it listens"))?;
        Ok(Self { process, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a request with more header lines, each ended with CRLF, and reads the beginning of the answer.
    /// The connection stays open, as browsers' do.
    pub fn get(&self, path: &str, headers: &str) -> io::Result<(String, TcpStream)> {
        let mut connection = TcpStream::connect(self.address)?;
        connection.set_read_timeout(Some(HANG))?;
        write!(connection, "GET {path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", self.address)?;
        let mut buffer = [0; 4096];
        let length = connection.read(&mut buffer)?;
        Ok((String::from_utf8_lossy(&buffer[..length]).into_owned(), connection))
    }

    /// Sends SIGTERM; says how it ended, and how long that took.
    pub fn terminate(mut self) -> io::Result<(ExitStatus, Duration)> {
        let Process(process) = &mut self.process;
        let begun = Instant::now();
        if !Command::new("kill").args(["-TERM", &process.id().to_string()]).status()?.success() {
            return Err(Error::other("it is gone already"));
        }
        while begun.elapsed() < HANG {
            if let Some(status) = process.try_wait()? {
                return Ok((status, begun.elapsed()));
            }
            sleep(Duration::from_millis(20));
        }
        Err(Error::other("it goes on after SIGTERM"))
    }
}

#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Only if something has failed: it is gone already, otherwise.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
