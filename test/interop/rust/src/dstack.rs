use crate::check::{check, equal, report_data, rtmr};
use crate::System;
use anyhow::{ensure, Result};
use dstack_sdk::dstack_client::{DstackClient, TlsKeyConfig};
use sha2::{Digest, Sha256};
use x509_parser::pem::parse_x509_pem;

const MESSAGE: &[u8] = b"interop message";

/// Every call of `DstackClient`.
pub async fn checks(system: &System) -> Result<()> {
    let client = DstackClient::new(Some(&system.agent_socket));
    check("DstackClient::get_key: the key all clients agree on", gives_key(&client, system)).await?;
    check("DstackClient::get_quote: the challenge is in the quote, the boot events replay to its registers", quotes(&client)).await?;
    check("DstackClient::get_quote: 65 bytes are refused", refuses_long(&client)).await?;
    check("DstackClient::attest", attests(&client)).await?;
    check("DstackClient::info", describes(&client, system)).await?;
    check("DstackClient::emit_event: the event is measured", measures(&client)).await?;
    check("DstackClient::version", version(&client)).await?;
    for algorithm in ["ed25519", "secp256k1", "k256", "secp256k1_prehashed"] {
        check(&format!("DstackClient::sign and verify with {algorithm}"), signs(&client, algorithm)).await?;
    }
    check("DstackClient::sign: an unknown algorithm is status 400", refuses_algorithm(&client)).await?;
    check("DstackClient::get_tls_key: key and chain up to the CA of the KMS", certifies(&client, system)).await
}

async fn gives_key(client: &DstackClient, system: &System) -> Result<()> {
    for purpose in ["", "another purpose"] {
        let answer = client.get_key(Some(system.key_name.clone()), Some(purpose.into())).await?;
        equal(&answer.key, &system.expected_key)?;
        equal(answer.decode_signature_chain()?.iter().map(Vec::len).collect::<Vec<_>>(), vec![65, 65])?;
    }
    Ok(())
}

async fn quotes(client: &DstackClient) -> Result<()> {
    let answer = client.get_quote(vec![0xa5; 48]).await?;
    let quote = answer.decode_quote()?;
    equal(report_data(&quote), &[&[0xa5; 48][..], &[0; 16][..]].concat()[..])?;
    let replayed = answer.replay_rtmrs()?;
    for index in 0..3 {
        equal(&replayed[&(index as u8)], &rtmr(&quote, index))?;
    }
    Ok(())
}

async fn refuses_long(client: &DstackClient) -> Result<()> {
    equal(client.get_quote(vec![0; 65]).await.is_err(), true)
}

async fn attests(client: &DstackClient) -> Result<()> {
    let attestation = client.attest(vec![0xa5; 64]).await?.decode_attestation()?;
    ensure!(attestation.windows(64).any(|window| window == [0xa5; 64]), "the challenge is not in the attestation");
    Ok(())
}

async fn describes(client: &DstackClient, system: &System) -> Result<()> {
    let info = client.info().await?;
    equal(&info.app_id, &system.app_id)?;
    equal(&info.compose_hash, &hex::encode(Sha256::digest(info.tcb_info.app_compose.as_bytes())))?;
    for field in [&info.app_cert, &info.key_provider_info, &info.app_name, &info.device_id, &info.instance_id] {
        ensure!(!field.is_empty(), "an empty field");
    }
    Ok(())
}

async fn measures(client: &DstackClient) -> Result<()> {
    let before = client.info().await?.tcb_info;
    client.emit_event("interop-rust".into(), b"payload".to_vec()).await?;
    let after = client.info().await?.tcb_info;
    ensure!(after.rtmr3 != before.rtmr3, "the register did not change");
    let found = after.event_log.iter().find(|event| event.event == "interop-rust");
    equal(found.map(|event| event.event_payload.clone()), Some(hex::encode(b"payload")))
}

async fn version(client: &DstackClient) -> Result<()> {
    equal(client.version().await?.version.split('.').count(), 3)
}

async fn signs(client: &DstackClient, algorithm: &str) -> Result<()> {
    let digest = Sha256::digest(MESSAGE).to_vec();
    let data = if algorithm == "secp256k1_prehashed" { digest } else { MESSAGE.to_vec() };
    let signed = client.sign(algorithm, data.clone()).await?;
    equal(signed.signature_chain.len(), 3)?;
    equal(&signed.signature_chain[0], &signed.signature)?;
    let (signature, public_key) = (hex::decode(&signed.signature)?, hex::decode(&signed.public_key)?);
    let verdict = client.verify(algorithm, data.clone(), signature.clone(), public_key.clone()).await?;
    equal(verdict.valid, true)?;
    let other = data.into_iter().rev().collect();
    equal(client.verify(algorithm, other, signature, public_key).await?.valid, false)
}

async fn refuses_algorithm(client: &DstackClient) -> Result<()> {
    let refusal = client.sign("rsa", MESSAGE.to_vec()).await.map(|signed| signed.signature);
    let text = format!("{:?}", refusal.expect_err("signed with rsa"));
    ensure!(text.contains("400 Bad Request"), "{text}");
    Ok(())
}

async fn certifies(client: &DstackClient, system: &System) -> Result<()> {
    let config = TlsKeyConfig::builder().subject("interop").alt_names(vec!["interop.example".into()]).usage_ra_tls(true).build();
    let answer = client.get_tls_key(config).await?;
    ensure!(answer.key.starts_with("-----BEGIN PRIVATE KEY-----\n"), "not a PKCS#8 PEM");
    let pems = answer.certificate_chain.iter().map(|pem| Ok(parse_x509_pem(pem.as_bytes())?.1)).collect::<Result<Vec<_>>>()?;
    let chain = pems.iter().map(|pem| Ok(pem.parse_x509()?)).collect::<Result<Vec<_>>>()?;
    equal(chain[0].subject().to_string().as_str(), "CN=interop")?;
    for pair in chain.windows(2) {
        equal(pair[0].issuer(), pair[1].subject())?;
    }
    equal(&pems[pems.len() - 1].contents, &parse_x509_pem(&system.kms_ca)?.1.contents)
}
