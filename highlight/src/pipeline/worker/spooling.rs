//! The worker and its spool: what goes to disk, and what comes back.

use super::{ControlFlow, Due, Effort, Fate, Instant, Oldest, Request, Spool, Stored, SystemTime, Worker};

impl Worker {
    /// Requests on disk.
    pub(super) fn spooled(&self) -> usize {
        self.spool.as_ref().map_or(0, Spool::len)
    }

    /// Takes over what processes that are gone have left on disk.
    pub(super) fn look_into_spool(&mut self) {
        let Some(spool) = &mut self.spool else { return };
        let Some(found) = spool.look(Instant::now()) else { return };
        // Counted before anything of it is lost.
        self.queue.count_found(*found.as_ref().unwrap_or(&0));
        let evicted = spool.make_room();
        let path = spool.path().to_owned();
        self.say(|announcer| announcer.spool(&path, found.as_ref().err()));
        self.lose_spooled(evicted, Fate::Spool, "no room for it");
    }

    /// Sends the oldest request on disk, unless it is too late for that, or the end is near and has a deadline.
    pub(super) fn send_oldest(&mut self, effort: Effort) -> ControlFlow<()> {
        let ends = matches!(effort, Effort::Patient) && !self.queue.is_running();
        if ends || self.is_over(effort) {
            return ControlFlow::Continue(());
        }
        match self.spool.as_mut().and_then(|spool| spool.oldest(SystemTime::now())) {
            None => {}
            Some(Oldest::Expired(items)) => self.lose_spooled(items, Fate::Expired, ""),
            Some(Oldest::Damaged(items)) => {
                self.lose_spooled(items, Fate::Spool, "a file was damaged or gone");
            }
            Some(Oldest::Request(request)) => {
                self.queue.unspool(request.items());
                self.deliver(request, effort)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// While the endpoint is away: what is due goes to disk untried, so that it outlives the process and leaves the queue to what
    /// comes.
    pub(super) fn stow(&mut self, mut due: Due) {
        let mut first = true;
        while self.spool.is_some() && self.keep_outbox() && self.outbox.backs_off() {
            let batch =
                if std::mem::take(&mut first) || !due.is_empty() { self.queue.take(&mut due) } else { None };
            let Some(batch) = batch else { return };
            self.encode(batch);
        }
    }

    fn keep_outbox(&mut self) -> bool {
        while let Some(request) = self.outbox.requests.pop_front() {
            if let Err(request) = self.keep(request) {
                self.outbox.requests.push_front(request);
                return false;
            }
        }
        true
    }

    /// Puts a request on disk, or back if it came from there; hands it back if there is no spool, or no room on the disk.
    pub(super) fn keep(&mut self, mut request: Request) -> Result<(), Request> {
        let Some(spool) = &mut self.spool else { return Err(request) };
        let items = request.items();
        if let Some(file) = request.file.take() {
            spool.put_back(file);
            self.queue.settle(items, Fate::Spooled);
            return Ok(());
        }
        let kept = spool.put(&request, SystemTime::now());
        let path = spool.path().to_owned();
        self.say(|announcer| announcer.spool(&path, kept.as_ref().err()));
        let Ok(evicted) = kept else { return Err(request) };
        self.queue.settle(items, Fate::Spooled);
        self.lose_spooled(evicted, Fate::Spool, "no room for it");
        Ok(())
    }

    /// Gives a part of a stored request a file of its own, as old as the whole. Without room for it the part is in memory alone.
    pub(super) fn store_part(&mut self, part: Request, whole: &Stored) -> Request {
        let file = self.spool.as_mut().and_then(|spool| spool.write(&part, whole.created()).ok());
        Request { file, ..part }
    }

    pub(super) fn keep_or_lose(&mut self, request: Request, fate: Fate) {
        if let Err(request) = self.keep(request) {
            self.lose(request.items(), fate, "");
        }
    }

    /// The request is settled: its file can go.
    pub(super) fn release(&mut self, request: &mut Request) {
        self.discard(request.file.take());
    }

    pub(super) fn discard(&mut self, file: Option<Stored>) {
        if let (Some(spool), Some(file)) = (&self.spool, file) {
            spool.remove(&file);
        }
    }

    fn lose_spooled(&mut self, items: u64, fate: Fate, reason: &str) {
        self.queue.unspool(items);
        self.lose(items, fate, reason);
    }
}
