//! The published crate `dstack-sdk`, unmodified, against a running guest agent.
//! INTEROP_SYSTEM names the JSON file that describes the system (test/interop/README.md).

mod check;
mod dstack;
mod tappd;

use anyhow::{Context, Result};
use serde_json::Value;

/// What the system file says, as far as it is wanted here.
pub struct System {
    pub agent_socket: String,
    pub tappd_socket: String,
    pub app_id: String,
    pub key_name: String,
    pub expected_key: String,
    pub kms_ca: Vec<u8>,
}

fn load() -> Result<System> {
    let path = std::env::var("INTEROP_SYSTEM")?;
    let content: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let text = |name: &str| -> Result<String> {
        let value = content[name].as_str();
        Ok(value.with_context(|| format!("no {name}"))?.to_owned())
    };
    Ok(System {
        agent_socket: text("agentSocket")?,
        tappd_socket: text("tappdSocket")?,
        app_id: text("appId")?,
        key_name: text("keyName")?,
        expected_key: text("expectedKey")?,
        kms_ca: std::fs::read(text("kmsCa")?)?,
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let system = load()?;
    dstack::checks(&system).await?;
    tappd::checks(&system).await
}
