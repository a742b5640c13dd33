//! How much the queue may hold.

/// How much may wait, and how much leaves at once.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Items waiting, at most. Default [`DEFAULT_ITEMS`](Self::DEFAULT_ITEMS).
    pub(crate) max_items: usize,
    /// Estimated bytes of the items waiting, at most. Default [`DEFAULT_BYTES`](Self::DEFAULT_BYTES).
    pub(crate) max_bytes: usize,
    /// The part of `max_items` (and the same share of `max_bytes`) that only errors may use. Default 512, and in a small queue a quarter
    /// of it at most: it is not for errors alone.
    pub(crate) error_reserve: usize,
    /// Items of one batch; as many waiting wake the worker before its interval. Default 960: fifteen chunks of a lane, below
    /// the thousand that the server takes well (C§1.3).
    pub(crate) batch_items: usize,
    /// Estimated bytes of one batch. Default 4 MiB.
    pub(crate) batch_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::of_queue(Self::DEFAULT_ITEMS, Self::DEFAULT_BYTES)
    }
}

impl Limits {
    /// A typical span takes about a kibibyte, so the bytes are what usually limits the queue; the items bound what a
    /// flood of tiny ones costs beside their bytes.
    pub(crate) const DEFAULT_ITEMS: usize = 65_536;
    pub(crate) const DEFAULT_BYTES: usize = 32 << 20;

    /// The defaults for a queue of this size.
    pub(crate) fn of_queue(max_items: usize, max_bytes: usize) -> Self {
        Self {
            max_items,
            max_bytes,
            error_reserve: (max_items / 4).min(512),
            batch_items: 960,
            batch_bytes: 4 << 20,
        }
    }

    /// The share of the bytes that only errors may use.
    pub(super) fn reserved_bytes(&self) -> usize {
        self.max_bytes / self.max_items.max(1) * self.error_reserve.min(self.max_items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_queue_has_room_for_logs_and_spans() {
        for (items, reserve) in [(0, 0), (1, 0), (8, 2), (512, 128), (2048, 512), (65_536, 512)] {
            let limits = Limits::of_queue(items, 64 * items);
            assert_eq!((limits.error_reserve, limits.reserved_bytes()), (reserve, 64 * reserve), "{items}");
        }
    }
}
