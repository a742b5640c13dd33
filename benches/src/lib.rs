//! What it costs: see `benches/`.
