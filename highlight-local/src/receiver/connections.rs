//! Connections, each with a seat of a bounded number, and none that waits for ever.
//!
//! A sender that dawdles or sits there costs only itself: with all seats taken, a new connection
//! takes the seat of the one that has been doing nothing for longest, and of one in the middle of
//! a request only if there is no other. So 1,000 idle connections keep nobody out.

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, extract::Request};
use bytes::Bytes;
use http_body::Frame;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::{Instant, Sleep},
};

/// How much a connection may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Connections at a time.
    pub(super) connections: usize,
    /// How long a request's head may take, and each pause in its body.
    pub(super) read: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connections: 512, read: Duration::from_secs(30) }
    }
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy)]
pub(super) enum Protocol {
    Http1,
    #[cfg(feature = "grpc")]
    Http2,
}

/// Accepts connections for ever.
pub(super) async fn serve(
    listener: TcpListener,
    protocol: Protocol,
    router: Router,
    patience: Patience,
    room: Arc<Room>,
) {
    // Out of file descriptors, say: whoever holds them needs a moment.
    const PAUSE: Duration = Duration::from_millis(50);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (seat, taken) = Room::seat(&room);
        let router = router.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = connection(stream, protocol, router, patience, &seat) => {}
                // Somebody else needs the seat.
                _ = taken => {}
            }
        });
    }
}

/// Serves one connection until it ends. How it ends is the sender's business.
async fn connection(stream: TcpStream, protocol: Protocol, router: Router, patience: Patience, seat: &Seat) {
    let busy = seat.clone_handle();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        let busy = busy.begin();
        async move {
            let request: Request = request.map(|body| Body::new(Patient::new(body, patience.read)));
            let response = tower_service::Service::call(&mut router.clone(), request).await;
            drop(busy);
            response
        }
    });
    // Answers are small, and nobody waits for more of them.
    let _ = stream.set_nodelay(true);
    let stream = TokioIo::new(stream);
    let _ = match protocol {
        Protocol::Http1 => {
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(patience.read)
                // A sender may be gone once it has sent: what it sent counts all the same.
                .half_close(true)
                .serve_connection(stream, service)
                .await
        }
        #[cfg(feature = "grpc")]
        Protocol::Http2 => {
            const STREAMS: u32 = 32;
            hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(Some(patience.read))
                .keep_alive_timeout(patience.read)
                .max_concurrent_streams(STREAMS)
                .serve_connection(stream, service)
                .await
        }
    };
}

/// The seats.
#[derive(Debug)]
pub(super) struct Room {
    seats: usize,
    taken: Mutex<Taken>,
    left: Condvar,
}

#[derive(Debug, Default)]
struct Taken {
    /// Counts what happens; an earlier number was idle for longer.
    clock: u64,
    connections: BTreeMap<u64, Occupant>,
}

#[derive(Debug)]
struct Occupant {
    /// Requests in progress.
    requests: usize,
    since: u64,
    /// Dropped, it tells the connection to go.
    _stay: oneshot::Sender<()>,
}

impl Taken {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn count(&mut self, id: u64, change: impl FnOnce(usize) -> usize) {
        let now = self.tick();
        if let Some(occupant) = self.connections.get_mut(&id) {
            occupant.requests = change(occupant.requests);
            occupant.since = now;
        }
    }
}

impl Room {
    pub(super) fn new(seats: usize) -> Self {
        Self { seats: seats.max(1), taken: Mutex::default(), left: Condvar::new() }
    }

    /// Whether everybody leaves in this time.
    pub(super) fn wait_until_empty(&self, timeout: Duration) -> bool {
        let is_full = |taken: &mut Taken| !taken.connections.is_empty();
        let waited = self.left.wait_timeout_while(self.lock(), timeout, is_full);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat, and what resolves when somebody else gets it.
    fn seat(room: &Arc<Self>) -> (Seat, oneshot::Receiver<()>) {
        let (stay, taken) = oneshot::channel();
        let mut seats = room.lock();
        while seats.connections.len() >= room.seats {
            let idlest = seats.connections.iter().min_by_key(|(_, o)| (o.requests > 0, o.since));
            let Some(id) = idlest.map(|(id, _)| *id) else { break };
            seats.connections.remove(&id);
        }
        let id = seats.tick();
        seats.connections.insert(id, Occupant { requests: 0, since: id, _stay: stay });
        (Seat { handle: Handle { room: Arc::clone(room), id } }, taken)
    }
}

/// A connection's seat; dropped, it is free.
#[derive(Debug)]
struct Seat {
    handle: Handle,
}

impl Seat {
    fn clone_handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.handle.room.lock().connections.remove(&self.handle.id);
        self.handle.room.left.notify_all();
    }
}

/// Says which seats are busy.
#[derive(Debug, Clone)]
struct Handle {
    room: Arc<Room>,
    id: u64,
}

impl Handle {
    fn begin(&self) -> Busy {
        self.room.lock().count(self.id, |requests| requests + 1);
        Busy(self.clone())
    }
}

/// A request in progress.
#[derive(Debug)]
struct Busy(Handle);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.room.lock().count(self.0.id, |requests| requests.saturating_sub(1));
    }
}

/// A body that breaks off where its sender pauses for too long.
struct Patient {
    body: Incoming,
    limit: Duration,
    alarm: Pin<Box<Sleep>>,
}

impl Patient {
    fn new(body: Incoming, limit: Duration) -> Self {
        Self { body, limit, alarm: Box::pin(tokio::time::sleep(limit)) }
    }
}

impl http_body::Body for Patient {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let again = Instant::now() + self.limit;
            self.alarm.as_mut().reset(again);
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        self.alarm.as_mut().poll(cx).map(|()| {
            let text = "the sender paused for too long in the middle of it";
            Some(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_connection_gives_its_seat_to_a_newcomer() {
        let room = Arc::new(Room::new(3));
        let (first, mut first_taken) = Room::seat(&room);
        let (second, mut second_taken) = Room::seat(&room);
        let (third, mut third_taken) = Room::seat(&room);
        let _busy = first.clone_handle().begin();
        drop(second.clone_handle().begin());
        let (_fourth, _) = Room::seat(&room);
        // The first is busy, the second was busy later than the third came.
        assert!(third_taken.try_recv() == Err(oneshot::error::TryRecvError::Closed));
        for stays in [&mut first_taken, &mut second_taken] {
            assert!(stays.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        }
        drop(third);
        assert_eq!(room.lock().connections.len(), 3);
        drop(second);
        let _fifth = Room::seat(&room);
        assert!(first_taken.try_recv() == Err(oneshot::error::TryRecvError::Empty), "there was room");
    }

    #[test]
    fn where_all_are_busy_the_oldest_goes() {
        let room = Arc::new(Room::new(2));
        let (first, mut first_taken) = Room::seat(&room);
        let (second, mut second_taken) = Room::seat(&room);
        let _busy = [first.clone_handle().begin(), second.clone_handle().begin()];
        let (_third, _) = Room::seat(&room);
        assert!(first_taken.try_recv() == Err(oneshot::error::TryRecvError::Closed));
        assert!(second_taken.try_recv() == Err(oneshot::error::TryRecvError::Empty));
    }
}
