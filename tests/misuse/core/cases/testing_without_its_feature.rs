//! In `[dev-dependencies]`: `features = ["testing"]`.

use highlight::testing;

fn main() {
    drop(testing::capture());
}
