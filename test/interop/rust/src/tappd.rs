use crate::check::{check, equal, report_data};
use crate::System;
use anyhow::{ensure, Result};
use dstack_sdk::tappd_client::TappdClient;

/// Every call of `TappdClient`.
pub async fn checks(system: &System) -> Result<()> {
    let client = TappdClient::new(Some(&system.tappd_socket));
    check("TappdClient::derive_key: the same key for the same path", derives(&client)).await?;
    check("TappdClient::get_quote: the data is in the quote", quotes(&client)).await?;
    check("TappdClient::info", describes(&client, system)).await
}

async fn derives(client: &TappdClient) -> Result<()> {
    let first = client.derive_key("/interop").await?;
    let again = client.derive_key_with_subject("/interop", "another subject").await?;
    let other = client.derive_key("/interop/other").await?;
    equal(first.decode_key()?.len(), 32)?;
    equal(first.decode_key()?, again.decode_key()?)?;
    ensure!(first.decode_key()? != other.decode_key()?, "two paths, one key");
    equal(first.certificate_chain.len() >= 2, true)
}

async fn quotes(client: &TappdClient) -> Result<()> {
    let answer = client.get_quote(vec![0x5a; 64]).await?;
    let quote = hex::decode(&answer.quote)?;
    equal(report_data(&quote), &[0x5a; 64][..])
}

async fn describes(client: &TappdClient, system: &System) -> Result<()> {
    let info = client.info().await?;
    equal(&info.app_id, &system.app_id)?;
    ensure!(!info.tcb_info.event_log.is_empty(), "no event log");
    Ok(())
}
