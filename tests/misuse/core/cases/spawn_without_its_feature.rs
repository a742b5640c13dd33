//! Without a framework crate, which turns it on: `features = ["tokio"]`.

fn main() {
    highlight::spawn(async {});
}
