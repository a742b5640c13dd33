//! How much the queue may hold.

/// How much may wait, and how much leaves at once.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Items waiting, at most. Default 32,768.
    pub(crate) max_items: usize,
    /// Estimated bytes of the items waiting, at most. Default 32 MiB.
    pub(crate) max_bytes: usize,
    /// The part of `max_items` (and the same share of `max_bytes`) that only errors may use. Default 512.
    pub(crate) error_reserve: usize,
    /// Items of one batch; as many waiting wake the worker before its interval. Default 960: fifteen chunks of a lane, below
    /// the thousand that the server takes well (C§1.3).
    pub(crate) batch_items: usize,
    /// Estimated bytes of one batch. Default 4 MiB.
    pub(crate) batch_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_items: 32_768,
            max_bytes: 32 << 20,
            error_reserve: 512,
            batch_items: 960,
            batch_bytes: 4 << 20,
        }
    }
}

impl Limits {
    /// The share of the bytes that only errors may use.
    pub(super) fn reserved_bytes(&self) -> usize {
        self.max_bytes / self.max_items.max(1) * self.error_reserve.min(self.max_items)
    }
}
