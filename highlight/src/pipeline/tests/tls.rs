//! An https endpoint whose certificate no public root has signed.

use std::{net::TcpStream, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use ureq::tls::Certificate;

use super::{
    FlushError, books,
    items::span,
    promptly,
    server::{HANG_GUARD, Reply, Server, Stream},
    settings, start,
};

/// A server for `localhost` and the authority that signed its certificate.
pub(crate) fn https() -> (Server, Certificate<'static>) {
    let (config, authority) = identity();
    (serving(config), authority)
}

/// A server that shows the certificate of an authority as its own, as `openssl req -x509` makes them, and that certificate.
pub(crate) fn https_of_an_authority() -> (Server, Certificate<'static>) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (serving(config(&certificate, &key)), Certificate::from_der(certificate.der()).to_owned())
}

fn serving(config: Arc<ServerConfig>) -> Server {
    Server::start_over(move |stream| Ok(speak(&config, stream)), |_, _| Reply::Status(200))
}

pub(super) fn speak(config: &Arc<ServerConfig>, stream: TcpStream) -> Box<dyn Stream> {
    Box::new(StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), stream))
}

/// How a server proves to be `localhost`, and the authority that says so.
pub(super) fn identity() -> (Arc<ServerConfig>, Certificate<'static>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    (config(&certificate, &key), Certificate::from_der(authority.der()).to_owned())
}

fn config(certificate: &rcgen::Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

#[test]
fn a_private_authority_is_trusted_when_it_is_given() {
    let (server, authority) = https();
    let mut settings = settings(&format!("https://localhost:{}", server.address.port()));
    settings.transport.certificates = vec![authority];
    let pipeline = start(settings);
    for name in ["a", "b"] {
        pipeline.push(span(name));
        pipeline.flush(HANG_GUARD).unwrap();
    }
    assert_eq!(server.items(), ["a", "b"]);
}

#[test]
fn an_unknown_authority_gets_nothing() {
    let (server, _) = https();
    let (_, other) = https();
    for authorities in [vec![], vec![other]] {
        let mut settings = settings(&format!("https://localhost:{}", server.address.port()));
        settings.transport.certificates = authorities;
        let pipeline = start(settings);
        pipeline.push(span("secret"));
        let outcome = promptly(|| pipeline.shutdown(HANG_GUARD));
        assert_eq!(outcome, Err(FlushError::Undelivered { items: 1 }));
        books(&pipeline.stats());
    }
    assert!(server.seen().is_empty());
}
