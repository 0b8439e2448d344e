use anyhow::{ensure, Result};
use std::fmt::Debug;
use std::future::Future;

/// Runs one named check and reports it on a line of its own; the first that fails ends the client.
pub async fn check(name: &str, run: impl Future<Output = Result<()>>) -> Result<()> {
    let outcome = run.await;
    println!("{} - {name}", if outcome.is_ok() { "ok" } else { "not ok" });
    outcome
}

pub fn equal<T: PartialEq + Debug>(got: T, want: T) -> Result<()> {
    ensure!(got == want, "got {got:?}, want {want:?}");
    Ok(())
}

/// Where the registers and the report data are in a version 4 TDX quote (Intel TDX DCAP quoting library API, appendix 3).
pub fn rtmr(quote: &[u8], index: usize) -> String {
    hex::encode(&quote[376 + 48 * index..][..48])
}

pub fn report_data(quote: &[u8]) -> &[u8] {
    &quote[568..632]
}
