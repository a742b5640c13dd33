//! The guard of `init` is kept until the end of `main`.

#![deny(unused_must_use, let_underscore_drop)]

use highlight::Config;

fn dropped() -> Result<(), highlight::InitError> {
    highlight::init(Config::new("1jdkoe52"))?;
    Ok(())
}

fn dropped_as_well() -> Result<(), highlight::InitError> {
    let _ = highlight::init(Config::new("1jdkoe52"))?;
    Ok(())
}

fn main() {
    let _ = (dropped, dropped_as_well);
}
