//! A command line program that lives for a moment, and delivers everything: `cargo run -p example-command -- 7 0`.

use std::{env, process::ExitCode};

use highlight::Config;

fn main() -> anyhow::Result<ExitCode> {
    // The guard delivers when `main` returns, and waits for `shutdown_timeout` (3 s) at most if the endpoint hangs.
    let _highlight = highlight::init(Config::new("1jdkoe52").service_name("divide"))?;

    let numbers: Result<Vec<i64>, _> = env::args().skip(1).map(|text| text.parse()).collect();
    let [a, b] = numbers?[..] else { anyhow::bail!("give two numbers") };
    // An exit code is returned: `std::process::exit` drops nothing. Where there is no way around it, `shutdown` of the guard comes before.
    Ok(match highlight::try_in_span("divide", |_| divide(a, b)) {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

#[derive(Debug, thiserror::Error)]
#[error("cannot divide by zero")]
struct DivisionByZero;

fn divide(a: i64, b: i64) -> Result<i64, DivisionByZero> {
    let quotient = a.checked_div(b).ok_or(DivisionByZero)?;
    tracing::info!(quotient, "divided");
    Ok(quotient)
}
