//! Where everything ends.

use std::{
    io::{BufRead, BufReader, Read, Write, copy, sink},
    net::{TcpListener, TcpStream},
    thread,
};

/// Starts a receiver that reads requests, keeps nothing and answers 200; its endpoint.
#[must_use]
pub fn receiver() -> String {
    listen(|stream| {
        let _ = answer_all(&stream);
    })
}

/// Starts one that takes connections and never says a word; its endpoint.
#[must_use]
pub fn silent_receiver() -> String {
    listen(|mut stream| {
        let _ = copy(&mut stream, &mut sink());
    })
}

fn listen(serve: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    endpoint
}

fn answer_all(mut stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::with_capacity(1 << 20, stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            match line.trim_end().to_ascii_lowercase().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().ok()?,
                None => break,
                _ => {}
            }
        }
        copy(&mut (&mut reader).take(length), &mut sink()).ok()?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}
